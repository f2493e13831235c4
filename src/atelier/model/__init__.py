"""One LightningModule per family."""
