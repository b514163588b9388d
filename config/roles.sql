-- The roles and the database of an empty PostgreSQL server, as docs/operate/database.md explains; compose.yaml has it run once, by psql.
\set password `cat /run/secrets/owner_password`
CREATE ROLE aasim_owner LOGIN PASSWORD :'password';
CREATE ROLE aasim_app NOLOGIN;
GRANT aasim_app TO aasim_owner;
CREATE DATABASE aasim OWNER aasim_owner;
