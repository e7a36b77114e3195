//! Listing and searching recorded contacts.

use caseplan_core::Store;
use caseplan_core::contact::ContactSummary;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::ids::VisitationPlanId;
use clap::Parser;

use crate::failed::Result;
use crate::find;
use crate::screen::Screen;
use crate::show::{json, tables};

/// Which contacts.
#[derive(Debug, Parser)]
pub struct Contacts {
    /// Of one case only.
    #[arg(long)]
    case: Option<String>,
    /// Under one plan only.
    #[arg(long, conflicts_with = "search")]
    plan: Option<VisitationPlanId>,
    /// Those whose narrative or addenda hold every word; accents and case do not matter.
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// Lists or searches contacts.
pub fn run(store: &Store, wanted: &Contacts, screen: &Screen) -> Result<()> {
    let case = wanted.case.as_deref().map(|case| find::case_id(store, case)).transpose()?;
    let found = match &wanted.search {
        Some(words) => store.contacts().search(words, case, wanted.limit)?,
        None => {
            let query = ContactQuery { case, plan: wanted.plan, after: None, limit: 1 };
            pages(store, query, wanted.limit as usize)?
        }
    };
    if screen.json {
        screen.json(&json::list(&found, json::contact_summary));
    } else {
        tables::contacts(screen, &found, &tables::references(store)?);
    }
    Ok(())
}

/// As many pages as it takes.
fn pages(store: &Store, mut query: ContactQuery, limit: usize) -> Result<Vec<ContactSummary>> {
    let mut found = Vec::new();
    while found.len() < limit {
        query.limit = u32::try_from(limit - found.len()).unwrap_or(u32::MAX);
        let page = store.contacts().page(&query)?;
        found.extend(page.contacts);
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    Ok(found)
}
