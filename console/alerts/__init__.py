"""The pages of alerts: reading, editing, deciding, the preview before approval, delivery."""
