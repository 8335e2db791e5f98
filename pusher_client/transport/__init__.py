"""Bytes: addresses, proxies, the WebSocket handshake, frames in and texts out."""
