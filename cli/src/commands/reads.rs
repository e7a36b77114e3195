//! What is due, what was, and what the store is.

use caseplan_core::Store;
use caseplan_core::case::Case;
use caseplan_core::history::AsOf;
use caseplan_core::ids::CaseId;
use caseplan_core::time::Day;
use caseplan_core::visitation::VisitationPlan;
use clap::Parser;
use serde_json::json;

use crate::args::date;
use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, pages, tables};

/// Which days.
#[derive(Debug, Parser)]
pub struct Due {
    /// The first day; today if none is given.
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Day>,
    /// The last day; a week after the first if none is given.
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<Day>,
    /// Of one case only.
    #[arg(long)]
    case: Option<String>,
}

/// Which history.
#[derive(Debug, Parser)]
pub struct History {
    /// The case.
    case: String,
    /// The case and its plans as they stood at the end of a date, or at a moment.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
    /// By what this device had received by then, rather than by what its writers had done.
    #[arg(long, requires = "as_of")]
    known: bool,
    /// At most so many entries, last received first.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// Lists due visits.
pub fn due(store: &Store, due: &Due, screen: &Screen) -> Result<()> {
    let from = match due.from {
        Some(from) => from,
        None => store.today()?.day,
    };
    let to = due.to.unwrap_or_else(|| from + chrono::Days::new(6));
    if to < from {
        return Err(Failed::Unclear(format!("--to {to} is before --from {from}")));
    }
    let case = due.case.as_deref().map(|case| find::case_id(store, case)).transpose()?;
    let visits = store.visitation_plans().due(from, to, case)?;
    if screen.json {
        screen.json(&json::list(&visits, json::due));
    } else {
        tables::due(screen, &visits, &tables::references(store)?);
    }
    Ok(())
}

/// Shows the first screen.
pub fn today(store: &Store, screen: &Screen) -> Result<()> {
    let today = store.today()?;
    if screen.json {
        screen.json(&json::today(&today));
        return Ok(());
    }
    let references = tables::references(store)?;
    screen.heading(&format!("Due on {}", today.day));
    tables::due(screen, &today.due, &references);
    screen.heading("Overdue");
    tables::due(screen, &today.overdue, &references);
    screen.heading("On this device");
    pages::drafts(screen, store.zone(), &today.drafts);
    screen.line(format!(
        "{} conflicts and {} issues to settle; {} changes and {} drafts only here",
        today.conflicts, today.issues, today.only_here.changes, today.only_here.drafts
    ));
    Ok(())
}

/// Shows the event log of a case, or the case as it stood.
pub fn history(store: &Store, wanted: &History, screen: &Screen) -> Result<()> {
    let case = find::case_id(store, &wanted.case)?;
    if let Some(text) = &wanted.as_of {
        let as_of = find::as_of(store.zone(), text, wanted.known)?;
        let (case, plans) = stood(store, case, &as_of)?;
        let case = case.ok_or_else(|| Failed::Unclear(format!("there was no such case on {text}")))?;
        if screen.json {
            screen.json(&json!({ "case": json::case(&case), "visitation_plans": plans }));
            return Ok(());
        }
        pages::case(screen, &case);
        for plan in &plans {
            screen.line("");
            pages::plan(screen, plan, None);
        }
        return Ok(());
    }
    let page = store.history().events(case, None, wanted.limit)?;
    if screen.json {
        screen.json(&json::list(&page.events, json::event));
    } else {
        tables::events(screen, store.zone(), &page.events);
        if page.next.is_some() {
            screen.line("there is more: see --limit");
        }
    }
    Ok(())
}

fn stood(store: &Store, case: CaseId, as_of: &AsOf) -> Result<(Option<Case>, Vec<VisitationPlan>)> {
    let history = store.history();
    let mut plans = Vec::new();
    for view in store.visitation_plans().list(Some(case))? {
        plans.extend(history.plan_as_of(view.plan.id, as_of)?);
    }
    Ok((history.case_as_of(case, as_of)?, plans))
}

/// Shows what the store is.
pub fn info(store: &Store, screen: &Screen) -> Result<()> {
    let info = store.info()?;
    let identity = store.identity();
    let digest = store.exchange().digest()?;
    if screen.json {
        screen.json(&json!({
            "schema": info.schema, "bytes": info.bytes, "documents": info.documents, "changes": info.changes,
            "quarantined": info.quarantined, "encrypted": info.encrypted, "keys_lost": info.keys_lost,
            "other_copy_wrote_at": info.other_copy_wrote_at,
            "device": identity.device(), "domain": identity.domain(), "zone": store.zone(), "digest": digest,
        }));
        return Ok(());
    }
    screen.pairs(&[
        ("schema", info.schema.to_string()),
        ("size", format!("{} KiB", info.bytes / 1024)),
        ("documents", info.documents.to_string()),
        ("changes", info.changes.to_string()),
        ("quarantined", info.quarantined.to_string()),
        ("keys", if info.keys_lost { "lost: read-only" } else { "here" }.to_owned()),
        (
            "other copy",
            info.other_copy_wrote_at
                .map_or_else(|| "none known".to_owned(), |at| format!("wrote {at}: enrol one of them anew")),
        ),
        ("device", identity.device().to_string()),
        ("domain", identity.domain().to_string()),
        ("zone", store.zone().to_string()),
        ("digest", digest),
    ]);
    Ok(())
}
