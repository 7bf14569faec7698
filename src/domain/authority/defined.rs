//! Defined authority: what a project says itself of who may send a command in it, from a day on (DefineAuthorities, rule W1).

use std::collections::BTreeSet;

use super::super::dispatch::{Command, DECLARED};
use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, seat};
use super::{Declared, Holder};
use crate::schema::METHODS;
use crate::schema::v1::*;

/// What the messages of the schema have before their names.
const PACKAGE: &str = "vedtak.v1.";

impl Declared {
    /// Whether a project may say otherwise: of what is for the holders of roles, and neither decides a decision point nor gives rights.
    fn is_definable(&self) -> bool {
        self.rule == "W1" && !self.roles.is_empty()
    }
}

impl Project {
    /// What the project has said of a command and holds on a date: what took effect last, and of that what was recorded last. None
    /// where the schema's own holds.
    pub(super) fn authority_defined(&self, command: &str, date: &str) -> Option<&DefinedAuthority> {
        let said = self.authorities.iter().filter(|defined| {
            let of = defined.authority.as_ref();
            of.is_some_and(|authority| authority.command == command) && defined.from.as_str() <= date
        });
        said.max_by(|one, other| one.from.cmp(&other.from))
            .filter(|defined| !defined.holders().is_empty())
    }
}

impl DefinedAuthority {
    fn holders(&self) -> &[AuthorityHolder] {
        self.authority.as_ref().map_or(&[], |authority| &authority.holders)
    }
}

impl AuthorityHolder {
    fn as_holder(&self) -> Option<Holder> {
        Some(match self.holder.as_ref()? {
            authority_holder::Holder::Role(role) => Holder::role(ProjectRole::try_from(*role).unwrap_or_default()),
            authority_holder::Holder::Body(body) => Holder::Body(body.clone()),
            authority_holder::Holder::Office(office) => Holder::Office(office.clone()),
        })
    }

    fn stream(&self) -> Option<Stream> {
        match self.holder.as_ref()? {
            authority_holder::Holder::Role(_) => None,
            authority_holder::Holder::Body(body) => Some(Stream::organization(&body.organization_id)),
            authority_holder::Holder::Office(office) => Some(Stream::organization(&office.organization_id)),
        }
    }

    /// It names somebody, and a body or office that exists on the date.
    fn check(&self, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
        match &self.holder {
            Some(authority_holder::Holder::Role(_)) => Ok(()),
            Some(authority_holder::Holder::Body(body)) => seat::require_body(body, date, facts).map(|_| ()),
            Some(authority_holder::Holder::Office(office)) => facts
                .organization(&office.organization_id)
                .ok_or_else(|| Refusal::not_found("organisation", &office.organization_id))?
                .office_on(&office.office_id, date)
                .map(|_| ()),
            None => {
                let problem = "Somebody who may send a command is a role, a body or an office.";
                Err(Refusal::invalid("authorities.holders", "HOLDER_REQUIRED", problem)
                    .mend("Give one of them, or no holder at all for those that the schema names."))
            }
        }
    }

    fn on(self, project: &Project, date: &str) -> HolderOnDay {
        let assignments = match &self.holder {
            Some(authority_holder::Holder::Role(role)) => {
                let role = ProjectRole::try_from(*role).unwrap_or_default();
                project.holders(role, date).cloned().collect()
            }
            _ => Vec::new(),
        };
        HolderOnDay {
            holder: Some(self),
            assignments,
        }
    }
}

/// Those that the project itself has named for the command, and the day that this was recorded.
pub(super) fn holders<'a>(
    project: &'a Project,
    command: &Command,
    date: &str,
) -> Option<(Vec<Holder>, &'a DefinedAuthority)> {
    let name = command.message().strip_prefix(PACKAGE)?;
    let defined = project.authority_defined(name, date)?;
    let holders = defined.holders().iter().filter_map(AuthorityHolder::as_holder);
    Some((holders.collect(), defined))
}

impl DefineAuthorities {
    /// Each is a command that a project may say something of, and is named once.
    fn check(&self, date: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
        let mut named = BTreeSet::new();
        for authority in &self.authorities {
            let command = &authority.command;
            let known = DECLARED
                .iter()
                .find(|(message, _)| message.strip_prefix(PACKAGE) == Some(command));
            if !known.is_some_and(|(_, declared)| declared.is_definable()) {
                let problem = format!("{command} is not a command that a project says who may send.");
                return Err(
                    Refusal::invalid("authorities.command", "AUTHORITY_NOT_DEFINABLE", problem)
                        .mend("Name one that `ListAuthorities` shows as definable."),
                );
            }
            if !named.insert(command) {
                let problem = format!("{command} is named twice.");
                return Err(Refusal::invalid("authorities.command", "NAMED_TWICE", problem)
                    .mend("Name each command once, with all who may send it."));
            }
            for holder in &authority.holders {
                holder.check(date, facts)?;
            }
        }
        Ok(())
    }

    /// The governing document that it names was approved by then (D1).
    fn require_document(&self, project: &Project, date: &str) -> Result<(), Refusal> {
        let Some(id) = &self.document_id else {
            return Ok(());
        };
        let document = project.document(id)?;
        let mut approved = document.versions.iter().filter_map(|version| version.approved.as_ref());
        if approved.any(|day| day.as_str() <= date) {
            return Ok(());
        }
        let problem = format!("No version of {} was approved by {date}.", document.title());
        Err(Refusal::rule("W1", "DOCUMENT_NOT_APPROVED", problem)
            .mend("Have the document approved first, or name the one that says it."))
    }
}

impl Decide for DefineAuthorities {
    type State = Project;

    fn decide(&self, project: &Project, facts: &Facts<'_>, context: &Context<'_>) -> Decision {
        project.require_active()?;
        self.check(context.effective_date, facts)?;
        self.require_document(project, context.effective_date)?;
        let stands = |authority: &CommandAuthority| {
            let holds = project.authority_defined(&authority.command, context.effective_date);
            let from_then = holds.is_some_and(|defined| defined.from == context.effective_date);
            let same = holds.is_some_and(|defined| {
                defined.authority.as_ref() == Some(authority) && defined.document_id == self.document_id
            });
            (same && from_then) || (holds.is_none() && authority.holders.is_empty())
        };
        if self.authorities.iter().all(stands) {
            return Ok(Vec::new());
        }
        Ok(vec![
            AuthoritiesDefined {
                authorities: self.authorities.clone(),
                document_id: self.document_id.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Project, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let holders = self.authorities.iter().flat_map(|authority| &authority.holders);
        holders.filter_map(AuthorityHolder::stream).collect()
    }
}

impl Fold for AuthoritiesDefined {
    type State = Project;

    fn fold(&self, project: &mut Project, at: &Recorded<'_>) {
        let defined = self.authorities.iter().map(|authority| DefinedAuthority {
            authority: Some(authority.clone()),
            from: at.effective_date.to_owned(),
            document_id: self.document_id.clone(),
            recorded: at.recorded.to_owned(),
            provenance: at.provenance(),
        });
        project.authorities.extend(defined);
    }
}

/// Who may do what in a project on a date (YYYY-MM-DD), and through what.
#[must_use]
pub fn authorities(project: &Project, date: &str) -> AuthorityList {
    let of_project = |message: &str| {
        let method = METHODS.iter().find(|method| method.input == message);
        method.is_some_and(|method| method.path.starts_with("/v1/projects/"))
    };
    let declared = DECLARED
        .iter()
        .filter(|(message, declared)| declared.open.is_empty() && of_project(message));
    let mut commands: Vec<CommandHolders> = declared
        .map(|(message, declared)| {
            project.command_holders(message.strip_prefix(PACKAGE).unwrap_or(message), declared, date)
        })
        .collect();
    commands.sort_by(|one, other| one.command.cmp(&other.command));
    AuthorityList {
        date: date.to_owned(),
        commands,
    }
}

impl Project {
    fn command_holders(&self, command: &str, declared: &Declared, date: &str) -> CommandHolders {
        let defined = self.authority_defined(command, date);
        let holders: Vec<AuthorityHolder> = match defined {
            Some(defined) => defined.holders().to_vec(),
            None => {
                let role = |role: &ProjectRole| AuthorityHolder {
                    holder: Some(authority_holder::Holder::Role((*role).into())),
                };
                declared.roles.iter().map(role).collect()
            }
        };
        let grounds = declared.grounds.iter().filter(|_| defined.is_none());
        CommandHolders {
            command: command.to_owned(),
            holders: holders.into_iter().map(|holder| holder.on(self, date)).collect(),
            grounds: grounds.map(|ground| (*ground).into()).collect(),
            points: declared.points.iter().map(|kind| (*kind).into()).collect(),
            rule: declared.rule.to_owned(),
            definable: declared.is_definable(),
            defined: defined.cloned(),
        }
    }
}
