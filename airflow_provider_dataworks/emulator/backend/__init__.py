"""What the emulated service holds: resources, their timelines, and the state that they are in."""
