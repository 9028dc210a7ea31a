"""All that runs behind a door: the contract, the runtime, the engines. Imports nothing of the Studio."""
