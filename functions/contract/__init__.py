"""The one job contract. Import the modules by name: `job`, `params`, `manifest`, `keys`, `grant`, `errors`."""
