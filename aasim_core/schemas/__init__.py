"""What a body or an answer is: fields, schemas, and examples of them."""
