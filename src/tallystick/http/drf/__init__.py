"""How Django REST framework and simplejwt read bodies and say errors: the contracts that grew on them promise it."""
