//! The desktop door to a store.

fn main() {}
