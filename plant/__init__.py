"""The words of the domain: fields, batches, places, findings and the inventory. Knows no other room."""
