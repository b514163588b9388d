"""Operations know which effect the app told, where somebody has set another one."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE connected_apps_operation ADD COLUMN told_effect TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE connected_apps_operation DROP COLUMN told_effect")
