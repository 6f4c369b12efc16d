"""The exception for faults that a user can cause and mend."""


class UserError(Exception):
    """Its message is one line: which parameter or file, what was found, what is allowed, what to do."""
