"""The AppVector contract: signing in with Google, and who is signed in."""
