"""Errors that users can act on: each message gives the problem, the value and the remedy."""


class ReinrelaxError(Exception):
    """The base of all errors that users can fix; the command line prints no traceback for them."""


class ConfigError(ReinrelaxError):
    """A configuration value is unknown, of the wrong type or out of range."""


class DataError(ReinrelaxError):
    """Image files are missing, corrupted or cannot be downloaded."""


class ResultsError(ReinrelaxError):
    """A result cannot be read or written, or belongs to another configuration."""


class InputError(ReinrelaxError, ValueError):
    """An argument of a library function has the wrong rank, dtype, value or range."""
