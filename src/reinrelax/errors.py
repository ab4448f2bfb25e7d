"""Errors that a user can act on: each message says what was expected, what came, and the remedy."""


class ReinrelaxError(Exception):
    """Base of all errors that are the user's to mend; the command line prints it without a traceback."""


class ConfigError(ReinrelaxError):
    """A configuration value is unknown, of the wrong type or out of range."""


class DataError(ReinrelaxError):
    """Image files are missing, corrupted or cannot be fetched."""


class ResultsError(ReinrelaxError):
    """A result, checkpoint or results folder cannot be read, written or belongs to another configuration."""


class InputError(ReinrelaxError, ValueError):
    """An argument of a library function has the wrong rank, dtype, value or range."""
