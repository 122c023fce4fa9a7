"""The pages of alerts: reading, writing, deciding, the preview before approval, the delivery after it."""
