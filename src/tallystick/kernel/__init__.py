"""The words every other part uses. Pure: standard library alone, no I/O but the clock's."""
