"""The routes of API v1, one module a subject. All of them are listed in api/app.py."""
