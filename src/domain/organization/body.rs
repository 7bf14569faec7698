//! Body (organ): what it is, whether it decides or advises, and what it is composed of (rules O1 and O2).

use super::super::{Context, Decide, Decision, Facts, Fold, Recorded, Refusal, Stream, seat, unchanged_or};
use crate::schema::v1::*;

impl Organization {
    /// The body, dissolved or not.
    pub(in crate::domain) fn body(&self, id: &str) -> Option<&Body> {
        self.bodies.iter().find(|body| body.body_id == id)
    }

    /// The body, or the refusal when it does not exist on the date.
    pub(in crate::domain) fn body_on(&self, id: &str, date: &str) -> Result<&Body, Refusal> {
        let body = self.body(id).ok_or_else(|| Refusal::not_found("body", id))?;
        if date < body.established.as_str() {
            let problem = format!("{} was established on {}, after {date}.", body.name, body.established);
            return Err(Refusal::precondition("BODY_NOT_ESTABLISHED", problem)
                .mend("Name a body that exists then, or give a day when this one does."));
        }
        if let Some(dissolved) = body.dissolved.as_deref().filter(|dissolved| *dissolved < date) {
            let problem = format!(
                "{} was dissolved: {dissolved} was its last day, before {date}.",
                body.name
            );
            return Err(Refusal::precondition("BODY_DISSOLVED", problem)
                .mend("Name a body that exists then, or establish a new one."));
        }
        Ok(body)
    }

    /// The body and the bodies of this organisation that it is composed of (O2), itself first.
    pub(in crate::domain) fn composition(&self, id: &str) -> Vec<&Body> {
        let own = |organization_id: &str| (organization_id == self.organization_id).then_some(self);
        let (places, _) = seat::composition(&self.organization_id, id, own);
        places.into_iter().map(|place| place.body).collect()
    }

    /// Whether all that it is composed of is in this organisation, so that this stream alone says who sits in it (O2).
    pub(super) fn is_composed_here(&self, id: &str) -> bool {
        let own = |organization_id: &str| (organization_id == self.organization_id).then_some(self);
        seat::composition(&self.organization_id, id, own).1.is_none()
    }

    fn body_mut(&mut self, id: &str, at: &Recorded<'_>) -> Option<&mut Body> {
        let body = self.bodies.iter_mut().find(|body| body.body_id == id)?;
        at.touch(&mut body.provenance);
        Some(body)
    }
}

impl Body {
    /// Whether its decisions are those of the whole organisation.
    pub(in crate::domain) fn speaks_for_all(&self) -> bool {
        self.decides && matches!(self.kind(), BodyKind::MunicipalCouncil | BodyKind::ExecutiveBoard)
    }
}

impl BodyKind {
    /// Bodies that are asked and heard, and never decide (O1).
    const fn always_advises(self) -> bool {
        matches!(self, Self::ReferenceGroup | Self::UserCouncil | Self::UserForum)
    }
}

impl EstablishBody {
    fn is(&self, body: &Body) -> bool {
        body.name == self.name
            && body.kind == self.kind
            && body.decides == self.decides()
            && body.composed_of == self.composed_of
            && body.mandate == self.mandate
            && body.established == self.established
    }

    /// O2: what it is composed of must exist, here or in the other organisation.
    fn require_composition(&self, own: &Organization, facts: &Facts<'_>) -> Result<(), Refusal> {
        let Some(other) = &self.composed_of else { return Ok(()) };
        let elsewhere = other.organization_id != own.organization_id;
        let organization = if elsewhere {
            facts.organization(&other.organization_id)
        } else {
            Some(own)
        };
        let organization = organization.ok_or_else(|| Refusal::not_found("organisation", &other.organization_id))?;
        organization.body_on(&other.body_id, &self.established).map(|_| ())
    }
}

impl Decide for EstablishBody {
    type State = Organization;

    fn decide(&self, organization: &Organization, facts: &Facts<'_>, _: &Context<'_>) -> Decision {
        if let Some(body) = organization.body(&self.body_id) {
            return unchanged_or(self.is(body), || Refusal::already_exists("body", &self.body_id));
        }
        if self.decides() && self.kind().always_advises() {
            let kind = self
                .kind()
                .as_str_name()
                .trim_start_matches("BODY_KIND_")
                .to_lowercase()
                .replace('_', " ");
            return Err(Refusal::rule(
                "O1",
                "BODY_ONLY_ADVISES",
                format!("A {kind} advises; it never decides."),
            )
            .mend("Establish it as advising, or choose a kind of body that may decide."));
        }
        self.require_composition(organization, facts)?;
        Ok(vec![
            BodyEstablished {
                body_id: self.body_id.clone(),
                name: self.name.clone(),
                kind: self.kind,
                decides: self.decides(),
                composed_of: self.composed_of.clone(),
                mandate: self.mandate.clone(),
                established: self.established.clone(),
            }
            .into(),
        ])
    }

    fn relies_on(&self, _: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Vec<Stream> {
        let elsewhere = self
            .composed_of
            .iter()
            .filter(|other| other.organization_id != self.organization_id);
        elsewhere
            .map(|other| Stream::organization(&other.organization_id))
            .collect()
    }
}

impl Fold for BodyEstablished {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        organization.bodies.push(Body {
            body_id: self.body_id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            decides: self.decides,
            composed_of: self.composed_of.clone(),
            mandate: self.mandate.clone(),
            established: self.established.clone(),
            dissolved: None,
            provenance: at.provenance(),
        });
    }
}

impl Decide for ReviseMandate {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, context: &Context<'_>) -> Decision {
        if organization.body_on(&self.body_id, context.effective_date)?.mandate == self.mandate {
            return Ok(Vec::new());
        }
        Ok(vec![
            MandateRevised {
                body_id: self.body_id.clone(),
                mandate: self.mandate.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for MandateRevised {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(body) = organization.body_mut(&self.body_id, at) {
            body.mandate.clone_from(&self.mandate);
        }
    }
}

impl Decide for DissolveBody {
    type State = Organization;

    fn decide(&self, organization: &Organization, _: &Facts<'_>, _: &Context<'_>) -> Decision {
        let body = organization
            .body(&self.body_id)
            .ok_or_else(|| Refusal::not_found("body", &self.body_id))?;
        if let Some(dissolved) = &body.dissolved {
            return unchanged_or(*dissolved == self.dissolved, || {
                Refusal::precondition(
                    "BODY_DISSOLVED",
                    format!("{} is dissolved already: {dissolved} was its last day.", body.name),
                )
                .mend("Establish a new body if it has come back.")
            });
        }
        if self.dissolved < body.established {
            let problem = format!(
                "The last day, {}, is before {}, when {} was established.",
                self.dissolved, body.established, body.name
            );
            return Err(Refusal::invalid("dissolved", "ENDS_BEFORE_IT_BEGINS", problem)
                .mend("Give a last day that is not before the first one."));
        }
        let rests_on_it = |other: &&Body| {
            let composed_of = other.composed_of.as_ref();
            composed_of.is_some_and(|inner| {
                inner.organization_id == organization.organization_id && inner.body_id == self.body_id
            }) && other
                .dissolved
                .as_ref()
                .is_none_or(|dissolved| *dissolved > self.dissolved)
        };
        if let Some(other) = organization.bodies.iter().find(rests_on_it) {
            let problem = format!(
                "{} is composed of {}, and would be left without members.",
                other.name, body.name
            );
            return Err(
                Refusal::rule("O2", "BODY_IS_COMPOSED_OF_IT", problem).mend(format!("Dissolve {} first.", other.name))
            );
        }
        Ok(vec![
            BodyDissolved {
                body_id: self.body_id.clone(),
                dissolved: self.dissolved.clone(),
            }
            .into(),
        ])
    }
}

impl Fold for BodyDissolved {
    type State = Organization;

    fn fold(&self, organization: &mut Organization, at: &Recorded<'_>) {
        if let Some(body) = organization.body_mut(&self.body_id, at) {
            body.dissolved = Some(self.dissolved.clone());
        }
        organization.end_appointments(&self.body_id, &self.dissolved, at);
    }
}
