//! The desktop door to a Caseplan store.

fn main() {}
