"""Sound in and out: what a source and a sink are (`base`), files as both (`files`), a fake one (`fake`)."""
