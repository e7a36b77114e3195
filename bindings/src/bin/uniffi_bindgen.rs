//! Writes the Kotlin and Swift bindings from a built library; the whole tool is UniFFI's.

fn main() {
    uniffi::uniffi_bindgen_main()
}
