"""One conversation: prompt, context ledger, the LangChain chain, citations, history."""
