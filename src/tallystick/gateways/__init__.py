"""What calls outside, each module behind a port of the domain's."""
