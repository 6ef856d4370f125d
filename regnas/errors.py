"""Errors a user can meet. Each message states the rule, the value and the way out."""

from __future__ import annotations


class RegnasError(Exception):
    """Something failed; the command line prints one line and exits with ``exit_code``."""

    exit_code = 1


class RegnasWarning(UserWarning):
    """What goes on all the same, and whoever started it should know: one sentence."""


class UsageError(RegnasError, ValueError):
    """What the user passed cannot be meant: exit code 2."""

    exit_code = 2


class PluginNotFound(UsageError, LookupError):
    """No plug-in of that name is installed."""


class PluginBroken(RegnasError):
    """A plug-in is installed but raises when it is imported or made, or gives what its contract does not allow."""


class InvalidArchitecture(UsageError):
    """No network can have these numbers."""


class InfeasibleWindow(RegnasError):
    """A window holds too few networks of the space, or none."""


class DataError(RegnasError):
    """A data set is missing, incomplete or damaged."""


class DeviceError(RegnasError):
    """The device asked for is not there."""


class StudyError(RegnasError):
    """A study cannot be opened, resumed or finished."""


class HostError(RegnasError):
    """An optional package that regnas works with is not installed, or in a version it does not know."""


class MessageError(RegnasError):
    """A driver and a worker do not understand each other."""
