//! Why the network could not be used, as far as an app can act on it.

/// Why the network could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFailed {
    /// The system does not allow it: the app lacks a permission.
    #[error("not permitted")]
    NotPermitted,
    /// The system gives no socket, or the address is taken.
    #[error("unavailable")]
    Unavailable,
    /// Nobody answers at this address.
    #[error("unreachable")]
    Unreachable,
    /// The search for devices nearby broke.
    #[error("interrupted")]
    Interrupted,
}

impl NetworkFailed {
    /// The reason as a code.
    pub fn code(self) -> &'static str {
        match self {
            NetworkFailed::NotPermitted => "not_permitted",
            NetworkFailed::Unavailable => "unavailable",
            NetworkFailed::Unreachable => "unreachable",
            NetworkFailed::Interrupted => "interrupted",
        }
    }

    /// Why nobody was reached.
    pub(super) fn to_reach(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Unreachable,
        }
    }

    /// Why no socket could be had.
    #[cfg(any(test, feature = "discovery"))]
    pub(super) fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_permission_that_lacks_is_told_from_a_network_that_is_not_there() {
        let of = |kind: io::ErrorKind| NetworkFailed::of(&kind.into()).code();
        assert_eq!(of(io::ErrorKind::PermissionDenied), "not_permitted");
        assert_eq!(of(io::ErrorKind::AddrNotAvailable), "unavailable");
        assert_eq!(of(io::ErrorKind::AddrInUse), "unavailable");
        let to_reach = |kind: io::ErrorKind| NetworkFailed::to_reach(&kind.into()).code();
        assert_eq!(to_reach(io::ErrorKind::PermissionDenied), "not_permitted");
        assert_eq!(to_reach(io::ErrorKind::ConnectionRefused), "unreachable");
    }
}
