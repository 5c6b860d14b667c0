"""Model calls of agents: the conversation, the providers, and what their answers are taken for."""
