"""The whole organisation: what is published and deployed to every account and region."""
