"""What stands between the contract's columns and the user's function. Sources import `wudf`, not this."""
