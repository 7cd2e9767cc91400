/* A library that is no plugin. */
int edas_is_not_here(void) { return 1; }
