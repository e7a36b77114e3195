//! Coded values: enums that may grow, kept verbatim when a newer app wrote a code that this one does not know.

/// Declares an open enum: each variant has a stored code, and `Unknown` keeps any other text as it is.
#[macro_export]
macro_rules! code_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A code that this version does not know, kept as it is.
            Unknown {
                /// The code as it was written.
                raw: String,
            },
        }

        impl $name {
            /// The stored code.
            pub fn code(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unknown { raw } => raw,
                }
            }

            /// The value of a stored code.
            pub fn from_code(code: &str) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Unknown { raw: other.to_owned() },
                }
            }

            /// Every value that this version knows.
            pub const KNOWN: &'static [&'static str] = &[$($code,)*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from_code(&code))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    code_enum! {
        /// A sample.
        Sample {
            /// The first.
            First = "first",
        }
    }

    #[test]
    fn unknown_codes_come_back_verbatim() {
        let newer: Sample = serde_json::from_str("\"second\"").unwrap();
        assert_eq!(newer, Sample::Unknown { raw: "second".to_owned() });
        assert_eq!(serde_json::to_string(&newer).unwrap(), "\"second\"");
        assert_eq!(Sample::from_code("first"), Sample::First);
        assert_eq!(Sample::KNOWN, ["first"]);
    }
}
