//! Seat (plass): the appointment by which somebody acts in a body, and how the record names it (rules B2, O2, R4).

use std::fmt;

use super::authority::Authority;
use super::{Context, Facts, Refusal, Stream, same_person};
use crate::schema::v1::*;

/// A body in its organisation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    organization: &'a Organization,
    pub(super) body: &'a Body,
}

/// The place of somebody in a body: an appointment to it, or to a standing body that it is composed of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat<'a> {
    pub(super) place: Place<'a>,
    function: AppointmentFunction,
    appointment: &'a Appointment,
    /// The standing body that the appointment is to, when it is another one (O2).
    via: Option<Place<'a>>,
}

/// The body and the standing bodies that it is composed of, itself first, as far as the organisations are known (O2); and the
/// organisation that is not known, where it would go on.
pub(super) fn composition<'a: 'b, 'b>(
    organization_id: &'b str,
    body_id: &'b str,
    known: impl Fn(&str) -> Option<&'a Organization>,
) -> (Vec<Place<'a>>, Option<&'b str>) {
    let mut places: Vec<Place<'a>> = Vec::new();
    let (mut organization_id, mut body_id) = (organization_id, body_id);
    loop {
        let Some(organization) = known(organization_id) else {
            return (places, Some(organization_id));
        };
        // A body is composed of one that was there before it, so a circle could only come from a ledger that others wrote.
        let body = organization
            .body(body_id)
            .filter(|body| !places.iter().any(|place| std::ptr::eq(place.body, *body)));
        let Some(body) = body else { return (places, None) };
        places.push(Place { organization, body });
        let Some(inside) = &body.composed_of else {
            return (places, None);
        };
        (organization_id, body_id) = (&inside.organization_id, &inside.body_id);
    }
}

/// The organisations that have to be known to say who sits in the body, as far as they can be named yet.
#[must_use]
pub fn streams(reference: &BodyReference, facts: &Facts<'_>) -> Vec<Stream> {
    let (places, unknown) = composition(&reference.organization_id, &reference.body_id, |id| {
        facts.organization_if_loaded(id)
    });
    let known = places.iter().map(|place| place.organization.organization_id.as_str());
    known
        .chain(unknown)
        .chain([reference.organization_id.as_str()])
        .map(Stream::organization)
        .collect()
}

/// Who sits in the body on the date, and in which of the standing bodies that it is composed of (O4, O2). `None` when there is no
/// such body. The organisations that [`streams`] names are known.
#[must_use]
pub fn body_composition(reference: &BodyReference, facts: &Facts<'_>, date: &str) -> Option<BodyComposition> {
    let (places, _) = composition(&reference.organization_id, &reference.body_id, |id| {
        facts.organization_if_loaded(id)
    });
    let body = places.first()?.body;
    let all_stand = places.iter().all(|place| place.body.stands_on(date));
    let seats = places.iter().filter(|_| all_stand).flat_map(|place| {
        let appointments = place.organization.appointments.iter();
        let held = appointments.filter(|appointment| appointment.holds_on(date));
        let terms = held.filter_map(|appointment| appointment.terms.as_ref());
        terms
            .filter(|terms| terms.body_id == place.body.body_id)
            .map(|terms| BodySeat {
                body: Some(BodyReference {
                    organization_id: place.organization.organization_id.clone(),
                    body_id: place.body.body_id.clone(),
                }),
                body_name: place.body.name.clone(),
                terms: Some(terms.clone()),
            })
    });
    let positions = places.iter().map(|place| place.organization.position);
    Some(BodyComposition {
        body: Some(reference.clone()),
        name: body.name.clone(),
        decides: body.decides,
        date: date.to_owned(),
        seats: seats.collect(),
        position: positions.max().unwrap_or_default(),
    })
}

/// The seat that the actor holds in the body on the effective date: with a vote or as its secretary. Observers hold none.
pub(super) fn held<'a>(reference: &BodyReference, facts: &Facts<'a>, context: &Context<'_>) -> Option<Seat<'a>> {
    let (places, _) = composition(&reference.organization_id, &reference.body_id, |id| {
        facts.organization(id)
    });
    let place = *places.first()?;
    let standing = places
        .iter()
        .take_while(|inside| inside.body.stands_on(context.effective_date));
    standing.enumerate().find_map(|(depth, inside)| {
        let mut appointments = inside.appointments(context);
        let (appointment, function) = appointments.find(|(_, function)| *function != AppointmentFunction::Observer)?;
        let via = (depth > 0).then_some(*inside);
        Some(Seat {
            place,
            function,
            appointment,
            via,
        })
    })
}

/// The body, which must be in the register and exist on a date.
pub(super) fn require_body<'a>(reference: &BodyReference, date: &str, facts: &Facts<'a>) -> Result<&'a Body, Refusal> {
    facts
        .organization(&reference.organization_id)
        .ok_or_else(|| Refusal::not_found("organisation", &reference.organization_id))?
        .body_on(&reference.body_id, date)
}

/// The body, which must be one that decides (O1).
pub(super) fn require_deciding_body<'a>(
    reference: &BodyReference,
    date: &str,
    facts: &Facts<'a>,
) -> Result<&'a Body, Refusal> {
    let body = require_body(reference, date, facts)?;
    if body.decides {
        return Ok(body);
    }
    let problem = format!("{} advises: it recommends, and never decides.", body.name);
    Err(Refusal::rule("O1", "BODY_ADVISES", problem)
        .mend("Name a body that decides as the decider, and this one among the advising bodies."))
}

impl<'a> Place<'a> {
    /// What the actor, or whom it acts for, is appointed to and as in just this body on the effective date.
    fn appointments(&self, context: &Context<'_>) -> impl Iterator<Item = (&'a Appointment, AppointmentFunction)> {
        let appointments = self.organization.appointments.iter();
        let held = appointments.filter(|appointment| appointment.holds_on(context.effective_date));
        held.filter_map(|appointment| {
            let terms = appointment.terms.as_ref()?;
            let own = terms.body_id == self.body.body_id && context.is(&terms.subject);
            own.then(|| (appointment, terms.function()))
        })
    }
}

impl Organization {
    /// What the actor is appointed as in the bodies of this organisation on the effective date, observers included (O4).
    pub(super) fn seats_held(&self, context: &Context<'_>) -> Vec<String> {
        let appointments = self
            .appointments
            .iter()
            .filter(|appointment| appointment.holds_on(context.effective_date));
        let terms = appointments.filter_map(|appointment| Some((appointment, appointment.terms.as_ref()?)));
        let own = terms.filter(|(_, terms)| same_person(&terms.subject, context.subject));
        let standing = own.filter_map(|(appointment, terms)| {
            let body = self
                .body(&terms.body_id)
                .filter(|body| body.stands_on(context.effective_date))?;
            let place = Place {
                organization: self,
                body,
            };
            Some(
                Seat {
                    place,
                    function: terms.function(),
                    appointment,
                    via: None,
                }
                .to_string(),
            )
        });
        let mut seats: Vec<String> = standing.collect();
        seats.sort();
        seats.dedup();
        seats
    }
}

impl ProjectRole {
    /// The role as the record names it, such as `PROJECT_LEADER`.
    pub(super) fn on_record(self) -> String {
        self.as_str_name().replacen("PROJECT_ROLE_", "PROJECT_", 1)
    }
}

pub(super) fn kind(body: &Body) -> &'static str {
    body.kind().as_str_name().trim_start_matches("BODY_KIND_")
}

impl Seat<'_> {
    /// What somebody who holds it acts by.
    pub(super) fn authority(&self) -> Authority {
        Authority {
            role: self.to_string(),
            kind: "SEAT",
            position: self
                .appointment
                .provenance
                .as_ref()
                .map_or(0, |provenance| provenance.first_position),
            recorded: self.appointment.recorded.clone(),
        }
    }

    /// Whether it is that of the secretary.
    pub(super) fn is_secretary(&self) -> bool {
        self.function == AppointmentFunction::Secretary
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "@{}/{}",
            self.organization.organization_id, self.body.body_id
        )
    }
}

/// `EXECUTIVE_BOARD:LEADER@<organisation>/<body>`, and where the appointment is to another body ` via COMMITTEE@<…>/<…>`.
impl fmt::Display for Seat<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function.as_str_name().trim_start_matches("APPOINTMENT_FUNCTION_");
        write!(formatter, "{}:{function}{}", kind(self.place.body), self.place)?;
        self.via
            .map_or(Ok(()), |via| write!(formatter, " via {}{via}", kind(via.body)))
    }
}
