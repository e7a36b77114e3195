//! Visitation plans: make, show, change, end, withdraw.

use caseplan_core::Store;
use caseplan_core::ids::VisitationPlanId;
use caseplan_core::time::{Day, WallTime, Zone};
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PlanChange, QuotaPeriod, Schedule, Supervision,
    SupervisionLevel, VisitationPlanView,
};
use clap::{Args, Subcommand};

use crate::args::{date, known, wall_time};
use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, pages, tables};

/// Visitation plans.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// The plans of a case, or all.
    List {
        /// Of one case only.
        #[arg(long)]
        case: Option<String>,
    },
    /// A plan, as it stands or stood.
    Show {
        /// The plan.
        plan: VisitationPlanId,
        /// As it stood at the end of a date, or at a moment.
        #[arg(long, value_name = "WHEN")]
        as_of: Option<String>,
    },
    /// Make a plan.
    Create(Box<Create>),
    /// Change a plan.
    Change(Box<Change>),
    /// Activate a plan that was kept as a draft.
    Activate {
        /// The plan.
        plan: VisitationPlanId,
    },
    /// End a plan with a last day.
    End {
        /// The plan.
        plan: VisitationPlanId,
        /// Its last day.
        #[arg(long, value_name = "DATE", value_parser = date)]
        on: Day,
        #[command(flatten)]
        order: Order,
    },
    /// Withdraw a plan.
    Cancel {
        /// The plan.
        plan: VisitationPlanId,
        /// Why.
        #[arg(long)]
        why: String,
    },
}

/// A court's order.
#[derive(Debug, Args)]
pub struct Order {
    /// The court order's reference.
    #[arg(long, value_name = "REFERENCE", requires = "order_on")]
    order: Option<String>,
    /// The court order's date.
    #[arg(long, value_name = "DATE", requires = "order", value_parser = date)]
    order_on: Option<Day>,
    /// The court.
    #[arg(long, requires = "order")]
    court: Option<String>,
}

impl Order {
    fn order(&self) -> Option<CourtOrder> {
        let (reference, on) = (self.order.clone()?, self.order_on?);
        Some(CourtOrder { reference, on, court: self.court.clone() })
    }
}

/// When visits take place.
#[derive(Debug, Args)]
pub struct When {
    /// A recurrence rule (RFC 5545), such as FREQ=WEEKLY;BYDAY=SA.
    #[arg(long, conflicts_with = "quota", requires = "starts_at")]
    rule: Option<String>,
    /// The first visit by the clocks there, such as 2026-03-07T14:00.
    #[arg(long, value_name = "TIME", value_parser = wall_time)]
    starts_at: Option<WallTime>,
    /// So many visits in each period.
    #[arg(long, value_name = "COUNT")]
    quota: Option<u32>,
    /// What a quota counts visits per.
    #[arg(long, default_value = "month", value_parser = known(QuotaPeriod::KNOWN, QuotaPeriod::from_code))]
    per: QuotaPeriod,
    /// The zone of the schedule; the store's own if none is given.
    #[arg(long)]
    zone: Option<Zone>,
}

impl When {
    fn schedule(&self, own: Zone) -> Option<Schedule> {
        let zone = self.zone.unwrap_or(own);
        match (&self.rule, self.starts_at, self.quota) {
            (Some(rule), Some(starts_at), _) => Some(Schedule::Rule { rule: rule.clone(), starts_at, zone }),
            (_, _, Some(count)) => Some(Schedule::Quota { count, period: self.per.clone(), zone }),
            _ => None,
        }
    }
}

/// A plan that is about to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// The case.
    #[arg(long)]
    case: String,
    /// Whom to visit: a name or id in the case, or `client`.
    #[arg(long, value_name = "WHO", default_value = "client")]
    visit: Vec<String>,
    /// Who visits: a name or id in the case, or user:ID.
    #[arg(long, value_name = "WHO", required = true)]
    visitor: Vec<String>,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    order: Order,
    /// When it was agreed, if no court ordered it.
    #[arg(long, value_name = "DATE", conflicts_with = "order", value_parser = date)]
    agreed_on: Option<Day>,
    /// How long a visit is.
    #[arg(long)]
    minutes: Option<u32>,
    /// How people meet.
    #[arg(long, default_value = "in_person", value_parser = known(ContactMethod::KNOWN, ContactMethod::from_code))]
    method: Vec<ContactMethod>,
    /// How closely visits are watched.
    #[arg(long, value_parser = known(SupervisionLevel::KNOWN, SupervisionLevel::from_code))]
    supervision: Option<SupervisionLevel>,
    /// Where.
    #[arg(long)]
    place: Option<String>,
    /// What the visits are for.
    #[arg(long)]
    purpose: Option<String>,
    /// What must be kept to.
    #[arg(long)]
    conditions: Option<String>,
    /// The first day.
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Day>,
    /// The last day.
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<Day>,
    /// Keep it as a draft until it is activated.
    #[arg(long)]
    draft: bool,
}

/// What is to change in a plan.
#[derive(Debug, Args)]
pub struct Change {
    /// The plan.
    plan: VisitationPlanId,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    order: Order,
    /// From when on another schedule counts; today if none is given.
    #[arg(long, value_name = "DATE", value_parser = date)]
    effective_from: Option<Day>,
    /// How long a visit is.
    #[arg(long)]
    minutes: Option<u32>,
    /// How people meet.
    #[arg(long, value_parser = known(ContactMethod::KNOWN, ContactMethod::from_code))]
    method: Option<Vec<ContactMethod>>,
    /// How closely visits are watched.
    #[arg(long, value_parser = known(SupervisionLevel::KNOWN, SupervisionLevel::from_code))]
    supervision: Option<SupervisionLevel>,
    /// Another place.
    #[arg(long)]
    place: Option<String>,
    /// Another purpose.
    #[arg(long)]
    purpose: Option<String>,
    /// Other conditions.
    #[arg(long)]
    conditions: Option<String>,
    /// Somebody who joins as a visitor.
    #[arg(long, value_name = "WHO")]
    add_visitor: Vec<String>,
    /// A visitor who leaves.
    #[arg(long, value_name = "WHO")]
    end_visitor: Vec<String>,
}

/// Runs one of the plan commands.
pub fn run(store: &Store, command: PlanCommand, screen: &Screen) -> Result<()> {
    let plans = store.visitation_plans();
    let view = match command {
        PlanCommand::List { case } => return list(store, case.as_deref(), screen),
        PlanCommand::Show { plan, as_of: Some(text) } => return stood(store, plan, &text, screen),
        PlanCommand::Show { plan, as_of: None } => find::plan(store, plan)?,
        PlanCommand::Create(new) => create(store, *new)?,
        PlanCommand::Change(change) => self::change(store, *change)?,
        PlanCommand::Activate { plan } => plans.activate(plan)?,
        PlanCommand::End { plan, on, order } => plans.end(plan, on, order.order().as_ref())?,
        PlanCommand::Cancel { plan, why } => plans.cancel(plan, &why)?,
    };
    if screen.json {
        screen.json(&json::plan(&view));
    } else {
        pages::plan(screen, &view.plan, Some(&view.status));
    }
    Ok(())
}

fn list(store: &Store, case: Option<&str>, screen: &Screen) -> Result<()> {
    let case = case.map(|case| find::case_id(store, case)).transpose()?;
    let plans = store.visitation_plans().list(case)?;
    if screen.json {
        screen.json(&json::list(&plans, json::plan));
    } else {
        tables::plans(screen, &plans, &tables::references(store)?);
    }
    Ok(())
}

fn stood(store: &Store, plan: VisitationPlanId, text: &str, screen: &Screen) -> Result<()> {
    let stood = store.history().plan_as_of(plan, &find::as_of(store.zone(), text, false)?)?;
    let stood = stood.ok_or_else(|| Failed::Unclear(format!("there was no such plan on {text}")))?;
    if screen.json {
        screen.json(&stood);
    } else {
        pages::plan(screen, &stood, None);
    }
    Ok(())
}

fn supervision(level: Option<SupervisionLevel>) -> Option<Supervision> {
    level.map(|level| Supervision { level, supervisor: None, reason: None })
}

fn create(store: &Store, new: Create) -> Result<VisitationPlanView> {
    let case = find::case(store, &new.case)?;
    let schedule = new.when.schedule(store.zone());
    let schedule =
        schedule.ok_or_else(|| Failed::Unclear("give --rule with --starts-at, or --quota".to_owned()))?;
    let mandate = match new.order.order() {
        Some(order) => Mandate::CourtOrdered { order },
        None => Mandate::MutuallyAgreed { on: new.agreed_on },
    };
    let plan = NewVisitationPlan {
        mandate,
        to_visit: find::parties(&case, &new.visit)?,
        visitors: find::parties(&case, &new.visitor)?,
        schedule,
        minutes: new.minutes,
        methods: new.method,
        place: new.place,
        supervision: supervision(new.supervision),
        purpose: new.purpose,
        conditions: new.conditions,
        transport: None,
        excluded: None,
        start: new.from,
        end: new.until,
        min_age: None,
        max_age: None,
        as_draft: new.draft,
        origin: None,
    };
    Ok(store.visitation_plans().create(case.id, &plan)?)
}

fn change(store: &Store, change: Change) -> Result<VisitationPlanView> {
    let view = find::plan(store, change.plan)?;
    let case = find::case(store, &view.plan.case_id.to_string())?;
    let mut end_visitors = Vec::new();
    for who in &change.end_visitor {
        let party = find::party(&case, who)?;
        let place = view.plan.visitors.iter().find(|visitor| visitor.party == party && visitor.to.is_none());
        let place = place.ok_or_else(|| Failed::Unclear(format!("{who} is no visitor in this plan")))?;
        end_visitors.push(place.id);
    }
    let change = PlanChange {
        schedule: change.when.schedule(store.zone()),
        minutes: change.minutes,
        effective_from: change.effective_from,
        methods: change.method,
        place: change.place,
        supervision: supervision(change.supervision),
        purpose: change.purpose,
        conditions: change.conditions,
        add_visitors: find::parties(&case, &change.add_visitor)?,
        end_visitors,
        new_order: change.order.order(),
        ..PlanChange::default()
    };
    Ok(store.visitation_plans().change(view.plan.id, &change)?)
}
