"""The commands of `passerelle`, a module for each group of them."""
