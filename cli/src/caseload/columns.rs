//! Which columns a row of a kind can have. `docs/import` publishes them; a test holds the two together.

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A case.
    Case,
    /// Somebody in a case.
    Participant,
    /// A visitation plan of a case.
    VisitationPlan,
    /// A contact in a case.
    Contact,
}

impl Kind {
    /// All, in the order in which they are taken in.
    pub const ALL: [Self; 4] = [Self::Case, Self::Participant, Self::VisitationPlan, Self::Contact];

    /// What stands in the column `record`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Participant => "participant",
            Self::VisitationPlan => "visitation_plan",
            Self::Contact => "contact",
        }
    }

    /// The kind of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The columns of this kind, besides those of every row.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Case => &[
                "reference",
                "case_type",
                "team",
                "assigned_worker",
                "opened_on",
                "primary_client",
                "closed_on",
                "closed_why",
            ],
            Self::Participant => &["case", "name", "born", "role", "from", "until", "end_reason"],
            Self::VisitationPlan => &[
                "case",
                "to_visit",
                "visitors",
                "order",
                "order_on",
                "court",
                "agreed_on",
                "rule",
                "starts_at",
                "quota",
                "per",
                "zone",
                "minutes",
                "methods",
                "place",
                "supervision",
                "purpose",
                "conditions",
                "transport",
                "excluded",
                "from",
                "until",
            ],
            Self::Contact => &[
                "case",
                "plans",
                "planned_on",
                "kind",
                "outcome",
                "reason",
                "attributed_to",
                "notice_hours",
                "comment",
                "day",
                "start",
                "end",
                "zone",
                "method",
                "place",
                "attendance",
                "purposes",
                "narrative",
                "conducted_by",
            ],
        }
    }
}

/// The columns of every row.
pub const COMMON: [&str; 5] = ["record", "source", "external_id", "recorded_by", "recorded_at"];

/// Every column, each once, in the order in which the template shows them.
pub fn all() -> Vec<&'static str> {
    let mut all = COMMON.to_vec();
    for column in Kind::ALL.into_iter().flat_map(Kind::columns) {
        if !all.contains(column) {
            all.push(column);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_published_columns_are_these() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../docs/import/caseload.schema.json")).unwrap();
        let page = include_str!("../../../docs/import/README.md");
        for kind in Kind::ALL {
            let properties = schema["$defs"][kind.code()]["properties"].as_object().unwrap();
            let published: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            let known: BTreeSet<&str> = COMMON.iter().chain(kind.columns()).copied().collect();
            assert_eq!(published, known, "{}", kind.code());
        }
        let unsaid: Vec<&str> =
            all().into_iter().filter(|column| !page.contains(&format!("`{column}`"))).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }
}
