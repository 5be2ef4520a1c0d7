"""Control of a running emulator: the endpoint below ``/_emulator``, and its client :class:`EmulatorControl`."""

from airflow_provider_dataworks.emulator.control.client import EmulatorControl

__all__ = ["EmulatorControl"]
