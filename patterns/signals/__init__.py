"""Signs beyond likeness: the rules of a verdict, money that is moving."""
