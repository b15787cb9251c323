"""What can be looked up in the views, one module per noun. It must not know HTTP nor who may see what."""
