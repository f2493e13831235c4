"""Where images come from: sources, their order, and the data modules that hand them to models."""
