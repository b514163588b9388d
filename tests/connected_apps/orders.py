"""A service with orders, as the operations of an app declare it."""

from typing import Any

ORDER: dict[str, Any] = {
    "name": "get_order", "description": "Read an order.", "method": "GET", "path": "/orders/{order_id}",
    "arguments": {"properties": {"order_id": {"type": "string"}, "full": {"type": "boolean"}}, "required": ["order_id"]},
}  # fmt: skip
CREATE: dict[str, Any] = {
    "name": "create_order", "method": "POST", "path": "/orders?source=agents",
    "arguments": {"properties": {"article": {"type": "string"}, "count": {"type": "integer"}}, "required": ["article"]},
}  # fmt: skip
