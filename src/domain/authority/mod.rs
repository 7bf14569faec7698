//! Authority (myndighet): who may send a command, and through what, on the day that it takes effect and when it is recorded
//! (rules W1, W3, W7, B2).

mod defined;
mod delegated;
mod holder;
mod mandate;
mod minutes;

use super::dispatch::{Command, State};
use super::{Context, Facts, Refusal, Stream};
use crate::schema::v1::*;
pub use defined::authorities;
pub use holder::Holder;
pub(super) use minutes::by_minutes;

/// Who may send a command, as the schema declares it beside the RPC: see `Entitlement` there.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// Holders of these roles in the project.
    pub roles: &'static [ProjectRole],
    /// Or through these.
    pub grounds: &'static [Ground],
    /// Or on an approved decision point of one of these kinds.
    pub points: &'static [DecisionPointKind],
    /// What minutes must treat; unspecified where that is the whole of what the stream holds.
    pub matter: MatterKind,
    /// With which outcome.
    pub outcome: MatterOutcome,
    /// The rule that refuses whoever is not entitled.
    pub rule: &'static str,
    /// Why everybody may send it who may record; empty when not everybody may.
    pub open: &'static str,
}

/// Through what somebody was entitled to a command, as the record says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The role, seat or office, or what stands in its place, as [`super::Verdict::role`] writes them.
    pub role: String,
    /// What it is, such as `SEAT`.
    pub kind: &'static str,
    /// The position of the record that gives the right; 0 when the ledger does not hold it.
    pub position: i64,
    /// The day that it was recorded, YYYY-MM-DD, when that says something of the right: see W5.
    pub recorded: String,
}

impl Authority {
    /// The later of two is when the right came about: when it was given, or when the project said that it is the one that is needed.
    fn since(mut self, defined: Option<&DefinedAuthority>) -> Self {
        if let Some(defined) = defined.filter(|defined| defined.recorded > self.recorded) {
            self.recorded.clone_from(&defined.recorded);
        }
        self
    }

    /// What the ledger itself does not give, such as the access of a token.
    fn outside(kind: &'static str) -> Self {
        Self {
            role: kind.to_owned(),
            kind,
            position: 0,
            recorded: String::new(),
        }
    }
}

/// A command that is judged for authority.
struct Case<'a> {
    command: &'a Command,
    declared: &'static Declared,
    holders: Vec<Holder>,
    /// What the project has said of it itself.
    defined: Option<&'a DefinedAuthority>,
    project: Option<&'a Project>,
    facts: Facts<'a>,
    context: &'a Context<'a>,
}

/// Through what the actor is entitled to the command; none when everybody is who may record.
///
/// # Errors
/// The refusal, which says who could do it.
pub(super) fn require(
    command: &Command,
    state: &State,
    facts: &Facts<'_>,
    context: &Context<'_>,
) -> Result<Option<Authority>, Refusal> {
    let facts = facts.beside(state);
    mandate::require(&facts, context)?;
    let declared = command.declared();
    if !declared.open.is_empty() {
        return Ok(None);
    }
    let case = Case {
        command,
        declared,
        holders: holders(command, declared, state, context),
        defined: project(state)
            .and_then(|project| defined::holders(project, command, context.effective_date))
            .map(|(_, defined)| defined),
        project: project(state),
        facts,
        context,
    };
    let authority = match context.ground {
        Some(authority_ground::Ground::Minutes(reference)) => case.by_minutes(reference),
        Some(authority_ground::Ground::DecisionPointId(id)) => case.by_decision_point(id),
        Some(authority_ground::Ground::Delegation(reference)) => case.by_delegation(reference),
        Some(authority_ground::Ground::Office(_) | authority_ground::Ground::SecretaryOf(_)) | None => case.by_own(),
    };
    authority.map(Some)
}

/// The streams that say who is entitled to the command, as far as they can be named yet.
pub(super) fn streams(command: &Command, state: &State, facts: &Facts<'_>, context: &Context<'_>) -> Vec<Stream> {
    let declared = command.declared();
    let mut streams = Vec::new();
    match context.ground {
        Some(authority_ground::Ground::Minutes(minutes)) => {
            streams.push(Stream::organization(&minutes.organization_id));
        }
        Some(authority_ground::Ground::Delegation(delegation)) => {
            streams.push(Stream::organization(&delegation.organization_id));
            streams.extend(delegated::streams(delegation, &facts.beside(state)));
        }
        Some(authority_ground::Ground::Office(office)) => streams.push(Stream::organization(&office.organization_id)),
        Some(authority_ground::Ground::SecretaryOf(body)) => {
            streams.extend(super::seat::streams(body, &facts.beside(state)));
        }
        Some(authority_ground::Ground::DecisionPointId(_)) | None => {}
    }
    if declared.open.is_empty() {
        let facts = facts.beside(state);
        let holders = holders(command, declared, state, context);
        streams.extend(
            holders
                .iter()
                .flat_map(|holder| holder.streams(project(state), &facts, context)),
        );
    }
    streams
}

/// Everybody who is entitled to the command on the effective date: by what the project has said itself, otherwise by the declaration.
fn holders(command: &Command, declared: &Declared, state: &State, context: &Context<'_>) -> Vec<Holder> {
    let own = project(state).and_then(|project| defined::holders(project, command, context.effective_date));
    if let Some((holders, _)) = own {
        return holders;
    }
    let roles = declared.roles.iter().map(|role| Holder::Role {
        role: *role,
        deciding: false,
    });
    let grounds = declared.grounds.iter();
    let named = grounds.flat_map(|ground| match (ground, state) {
        (Ground::Administrator, _) => vec![Holder::Administrator],
        (Ground::Organization, State::Organization(own)) => vec![Holder::Organization(own.organization_id.clone())],
        (ground, _) => command.entitled_by(state, *ground).unwrap_or_default(),
    });
    roles
        .chain(named)
        .filter(|holder| command.is_for(state, holder).unwrap_or(false))
        .collect()
}

fn project(state: &State) -> Option<&Project> {
    match state {
        State::Project(project) => Some(project),
        _ => None,
    }
}

/// W7: nobody gives a right to themselves alone.
pub(super) fn require_other(receiver: &str, field: &'static str, context: &Context<'_>) -> Result<(), Refusal> {
    let alone = matches!(
        context.ground,
        None | Some(authority_ground::Ground::Office(_) | authority_ground::Ground::SecretaryOf(_))
    );
    if !context.is(receiver) || !alone {
        return Ok(());
    }
    let problem = format!("{receiver} would give the right in `{field}` to themselves, alone.");
    Err(Refusal::forbidden("W7", "GIVEN_TO_ONESELF", problem).mend(
        "Let somebody else who may give it record it, or name the minutes that decided it in the context's `ground`.",
    ))
}

impl Case<'_> {
    /// By what the actor holds: on the effective date, and still when it is recorded (W3).
    fn by_own(&self) -> Result<Authority, Refusal> {
        let held = self.by_holding();
        // Whoever may record records what follows from a decision that the command names itself.
        let point = self.command.point_named().filter(|_| held.is_err());
        match point.map(|id| self.by_decision_point(id)) {
            Some(Ok(authority)) => Ok(authority),
            Some(Err(_)) | None => held,
        }
    }

    fn by_holding(&self) -> Result<Authority, Refusal> {
        let now = Context {
            effective_date: self.context.today,
            ..*self.context
        };
        let mut left = false;
        for holder in &self.holders {
            let Some(authority) = holder.acts(self.project, &self.facts, self.context) else {
                continue;
            };
            let is_past = self.context.effective_date != self.context.today;
            if !is_past || holder.acts(self.project, &self.facts, &now).is_some() {
                return Ok(authority.since(self.defined));
            }
            left = true;
        }
        if !left {
            return Err(self.not_entitled());
        }
        let Context {
            subject,
            effective_date,
            today,
            ..
        } = self.context;
        let problem =
            format!("{subject} could have done this on {effective_date}, and holds that no longer on {today}.");
        Err(Refusal::forbidden("W3", "AUTHORITY_ENDED", problem).mend(format!(
            "Let {} record it, or name the minutes that it stands in, in the context's `ground`.",
            self.in_words()
        )))
    }

    /// By an approved decision point of the same project.
    fn by_decision_point(&self, id: &str) -> Result<Authority, Refusal> {
        let project = self.project.filter(|_| !self.declared.points.is_empty());
        let Some(project) = project else {
            let problem = "A decision point is no ground for this command.";
            return Err(Refusal::invalid("context.ground", "GROUND_NOT_ALLOWED", problem)
                .mend(format!("Let {} record it.", self.in_words())));
        };
        let point = project.decision_point(id)?;
        if !self.declared.points.contains(&point.kind()) {
            let problem = format!("The decision point {} is about something else.", point.label());
            return Err(
                Refusal::forbidden(self.declared.rule, "DECISION_ABOUT_ANOTHER_MATTER", problem)
                    .mend("Name a decision point of a kind that decides this."),
            );
        }
        if !point.is_approved_by(self.context.effective_date) || point.superseded_by_id.is_some() {
            let problem = format!(
                "The decision point {} does not stand approved on {}.",
                point.label(),
                self.context.effective_date
            );
            return Err(Refusal::forbidden(self.declared.rule, "DECISION_NOT_APPROVED", problem)
                .mend("Have it approved first, or name another ground."));
        }
        Ok(Authority {
            role: format!("DECISION_POINT {id}"),
            kind: "DECISION_POINT",
            position: point.decided_position,
            recorded: String::new(),
        })
    }

    fn not_entitled(&self) -> Refusal {
        let Context {
            subject,
            effective_date,
            ..
        } = self.context;
        let who = self.in_words();
        let (rule, reason, problem) = match self.declared.rule {
            "B2" => (
                "B2",
                "NOT_THE_DECIDER",
                format!("This is decided by others: {subject} was not {who} on {effective_date}."),
            ),
            rule => (
                rule,
                match rule {
                    "J2" => "NOT_THE_OWNER",
                    "P1" | "P5" => "NOT_IN_THE_BODY",
                    "T1" => "NOT_THE_ADDRESSEE",
                    _ => "NOT_ENTITLED",
                },
                format!("This is for {who} to do: {subject} was not among them on {effective_date}."),
            ),
        };
        Refusal::forbidden(rule, reason, problem).mend(format!(
            "Let {who} record it, or name in the context's `ground` the minutes or the delegation that it rests on."
        ))
    }

    /// Those that could do it, in words.
    fn in_words(&self) -> String {
        let words: Vec<String> = self
            .holders
            .iter()
            .map(|holder| holder.in_words(self.project, &self.facts, self.context))
            .collect();
        if words.is_empty() {
            return "somebody who is named for it first".to_owned();
        }
        words.join(" or ")
    }
}
