"""The actions of the API that the emulator implements."""
