"""Running the bot: its server, its health, the audit, the schema, the doctor."""
