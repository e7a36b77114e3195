//! What counts, told with records alone.
