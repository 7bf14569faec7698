//! Proves the rules of organisations, bodies and appointments: O1, O2, O4, O6, and the control digit.

use vedtak::domain::Kind;
use vedtak::schema::v1::*;

use super::scenario::{ORGANIZATION, Scenario, id, scenario};

/// Another organisation in the same tenant.
pub const REGION: &str = "00000000-0000-4000-8000-0000000000bb";

/// A municipality is registered.
pub fn municipality() -> Scenario {
    scenario().given(register_municipality())
}

/// Registers the municipality.
pub fn register_municipality() -> RegisterOrganization {
    register("Nordre Land", "999000207")
}

fn register(name: &str, number: &str) -> RegisterOrganization {
    RegisterOrganization {
        organization_id: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        organization_number: number.to_owned(),
        kind: OrganizationKind::Municipality.into(),
        ..Default::default()
    }
}

/// Registers a region beside the municipality.
pub fn register_region() -> RegisterOrganization {
    RegisterOrganization {
        organization_id: REGION.to_owned(),
        name: "The region".to_owned(),
        organization_number: "999000304".to_owned(),
        kind: OrganizationKind::Region.into(),
        ..Default::default()
    }
}

/// Establishes a body of the municipality from 2016-01-01, under `id(number)`.
pub fn establish(number: u32, kind: BodyKind, decides: bool) -> EstablishBody {
    EstablishBody {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(number),
        name: format!("Body {number}"),
        kind: kind.into(),
        decides: Some(decides),
        established: "2016-01-01".to_owned(),
        ..Default::default()
    }
}

fn establish_in_region(number: u32, kind: BodyKind) -> EstablishBody {
    EstablishBody {
        organization_id: REGION.to_owned(),
        ..establish(number, kind, true)
    }
}

/// A body of the municipality.
pub fn body(number: u32) -> BodyReference {
    BodyReference {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(number),
    }
}

fn body_in_region(number: u32) -> BodyReference {
    BodyReference {
        organization_id: REGION.to_owned(),
        body_id: id(number),
    }
}

fn composed_of(number: u32, composed_of: BodyReference) -> EstablishBody {
    EstablishBody {
        composed_of: Some(composed_of),
        ..establish(number, BodyKind::SteeringGroup, true)
    }
}

/// What an appointment from 2016-01-01 to the body under `id(body)` says.
pub fn terms(body: u32, subject: &str, function: AppointmentFunction) -> AppointmentTerms {
    AppointmentTerms {
        body_id: id(body),
        subject: subject.to_owned(),
        name: "Test Testesen".to_owned(),
        function: function.into(),
        method: AppointmentMethod::Elected.into(),
        appointed_by: "Municipal council".to_owned(),
        from: "2016-01-01".to_owned(),
        ..Default::default()
    }
}

/// Appoints under `id(number)`.
pub fn appoint(number: u32, terms: AppointmentTerms) -> AppointMember {
    AppointMember {
        organization_id: ORGANIZATION.to_owned(),
        appointment_id: id(number),
        terms: Some(terms),
        ..Default::default()
    }
}

fn appoint_member(number: u32, body: u32, subject: &str) -> AppointMember {
    appoint(number, terms(body, subject, AppointmentFunction::Member))
}

fn end(number: u32, to: &str) -> EndAppointment {
    EndAppointment {
        organization_id: ORGANIZATION.to_owned(),
        appointment_id: id(number),
        to: to.to_owned(),
        ..Default::default()
    }
}

fn dissolve(number: u32, dissolved: &str) -> DissolveBody {
    DissolveBody {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(number),
        dissolved: dissolved.to_owned(),
        ..Default::default()
    }
}

fn admit(number: u32, from: &str) -> AdmitMember {
    AdmitMember {
        organization_id: ORGANIZATION.to_owned(),
        member_id: id(number),
        member: Some(reference("999000304", None)),
        from: from.to_owned(),
        ..Default::default()
    }
}

fn withdraw(number: u32, to: &str) -> WithdrawMember {
    WithdrawMember {
        organization_id: ORGANIZATION.to_owned(),
        member_id: id(number),
        to: to.to_owned(),
        ..Default::default()
    }
}

fn reference(number: &str, organization_id: Option<&str>) -> OrganizationReference {
    OrganizationReference {
        organization_number: number.to_owned(),
        name: "The region".to_owned(),
        organization_id: organization_id.map(str::to_owned),
    }
}

/// The subjects who sit in a body of the municipality on a date.
#[track_caller]
fn sitting(scenario: Scenario, body: u32, date: &str, expected: &[&str]) -> Scenario {
    scenario.then_organization(|organization| {
        let sitting = organization.sitting(&id(body), date);
        let subjects: Vec<&str> = sitting
            .iter()
            .map(|appointment| appointment.terms.as_ref().unwrap().subject.as_str())
            .collect();
        assert_eq!(subjects, expected);
    })
}

#[test]
fn an_organization_number_has_a_valid_control_digit() {
    for wrong in ["999000208", "999000100", "999000101"] {
        scenario()
            .when(register("Nordre Land", wrong))
            .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_INVALID");
    }
    for right in ["974760673", "999000207", "000000000"] {
        scenario().when(register("Nordre Land", right)).then_accepted();
    }
}

#[test]
fn registering_the_same_organisation_twice_changes_nothing_and_another_under_its_id_is_refused() {
    municipality()
        .when(register("Nordre Land", "999000207"))
        .then_unchanged()
        .when(register("Søndre Land", "999000207"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn an_organisation_is_renamed_and_keeps_its_number() {
    let rename = RenameOrganization {
        organization_id: ORGANIZATION.to_owned(),
        name: "Land".to_owned(),
        ..Default::default()
    };
    scenario()
        .when(rename.clone())
        .then_refused(Kind::NotFound, "STREAM_NOT_FOUND");
    municipality()
        .given(rename.clone())
        .when(rename)
        .then_unchanged()
        .then_organization(|organization| {
            assert_eq!(
                (organization.name.as_str(), organization.organization_number.as_str()),
                ("Land", "999000207")
            );
        });
}

#[test]
fn o6_a_member_is_admitted_withdraws_on_a_date_and_may_come_back() {
    municipality()
        .given(admit(1, "2016-01-01"))
        .when(admit(1, "2016-01-01"))
        .then_unchanged()
        .when(admit(1, "2016-02-01"))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS")
        .when(admit(2, "2017-01-01"))
        .then_refused(Kind::FailedPrecondition, "ALREADY_A_MEMBER")
        .when(withdraw(3, "2016-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(withdraw(1, "2015-12-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(withdraw(1, "2016-12-31"))
        .when(withdraw(1, "2016-12-31"))
        .then_unchanged()
        .when(withdraw(1, "2017-12-31"))
        .then_refused(Kind::FailedPrecondition, "MEMBER_WITHDRAWN")
        .when(admit(2, "2016-12-31"))
        .then_refused(Kind::FailedPrecondition, "ALREADY_A_MEMBER")
        .given(admit(2, "2017-01-01"))
        .then_organization(|organization| {
            let ends: Vec<Option<&str>> = organization.members.iter().map(|member| member.to.as_deref()).collect();
            assert_eq!(ends, [Some("2016-12-31"), None]);
        });
}

#[test]
fn a_member_that_is_registered_has_the_number_it_is_registered_with() {
    let with = |member| AdmitMember {
        member: Some(member),
        ..admit(1, "2016-01-01")
    };
    municipality()
        .when(with(reference("999000305", None)))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_INVALID")
        .when(with(reference("999000304", Some(REGION))))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_region())
        .when(with(reference("974760673", Some(REGION))))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_DIFFERS")
        .when(with(reference("999000304", Some(REGION))))
        .then_accepted();
}

#[test]
fn o1_a_body_of_a_kind_that_only_advises_never_decides() {
    for kind in [BodyKind::ReferenceGroup, BodyKind::UserCouncil, BodyKind::UserForum] {
        municipality()
            .when(establish(1, kind, true))
            .then_refused_by("O1", "BODY_ONLY_ADVISES")
            .when(establish(1, kind, false))
            .then_accepted();
    }
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, false))
        .given(establish(2, BodyKind::SteeringGroup, true));
}

#[test]
fn establishing_the_same_body_twice_changes_nothing_and_another_under_its_id_is_refused() {
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .when(establish(1, BodyKind::SteeringGroup, true))
        .then_unchanged()
        .when(establish(1, BodyKind::SteeringGroup, false))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn o2_what_a_body_is_composed_of_must_exist_and_not_be_dissolved() {
    municipality()
        .when(composed_of(2, body(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish(1, BodyKind::Committee, true))
        .given(composed_of(2, body(1)))
        .given(establish(3, BodyKind::Committee, true))
        .given(dissolve(3, "2016-06-01"))
        .when(EstablishBody {
            established: "2016-06-02".to_owned(),
            ..composed_of(4, body(3))
        })
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED");
}

#[test]
fn o2_a_body_may_be_composed_of_one_in_another_organisation() {
    municipality()
        .when(composed_of(2, body_in_region(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_region())
        .when(composed_of(2, body_in_region(1)))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish_in_region(1, BodyKind::Committee))
        .when(composed_of(2, body_in_region(1)))
        .then_accepted();
}

#[test]
fn o2_whoever_sits_in_the_standing_body_sits_in_the_one_composed_of_it() {
    let scenario = municipality()
        .given(establish(1, BodyKind::Committee, true))
        .given(composed_of(2, body(1)))
        .given(appoint_member(10, 1, "kari"))
        .given(appoint_member(11, 2, "ola"));
    let scenario = sitting(scenario, 2, "2017-01-01", &["kari", "ola"]);
    sitting(scenario, 1, "2017-01-01", &["kari"]);
}

#[test]
fn o2_a_body_that_another_is_composed_of_is_not_dissolved_before_it() {
    municipality()
        .given(establish(1, BodyKind::Committee, true))
        .given(composed_of(2, body(1)))
        .when(dissolve(1, "2016-12-31"))
        .then_refused_by("O2", "BODY_IS_COMPOSED_OF_IT")
        .given(dissolve(2, "2016-12-31"))
        .when(dissolve(1, "2016-12-31"))
        .then_accepted();
}

#[test]
fn a_body_is_dissolved_once_and_its_appointments_end_with_it() {
    let scenario = municipality()
        .given(establish(1, BodyKind::WorkingGroup, false))
        .given(appoint_member(10, 1, "kari"))
        .when(dissolve(2, "2016-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(dissolve(1, "2015-12-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(dissolve(1, "2016-12-31"))
        .when(dissolve(1, "2016-12-31"))
        .then_unchanged()
        .when(dissolve(1, "2017-12-31"))
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED")
        .when(AppointMember {
            terms: Some(AppointmentTerms {
                from: "2017-01-01".to_owned(),
                ..terms(1, "ola", AppointmentFunction::Member)
            }),
            ..appoint_member(11, 1, "ola")
        })
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED")
        .then_organization(|organization| {
            assert_eq!(
                organization.appointments[0].terms.as_ref().unwrap().to.as_deref(),
                Some("2016-12-31")
            );
        });
    let scenario = sitting(scenario, 1, "2016-12-31", &["kari"]);
    sitting(scenario, 1, "2017-01-01", &[]);
}

#[test]
fn a_mandate_is_revised_while_the_body_exists() {
    let revise = |mandate: &str| ReviseMandate {
        organization_id: ORGANIZATION.to_owned(),
        body_id: id(1),
        mandate: mandate.to_owned(),
        ..Default::default()
    };
    municipality()
        .when(revise("Follows the project"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish(1, BodyKind::SteeringGroup, true))
        .given(revise("Follows the project"))
        .when(revise("Follows the project"))
        .then_unchanged()
        .then_organization(|organization| assert_eq!(organization.bodies[0].mandate, "Follows the project"))
        .given(dissolve(1, "2016-12-31"))
        .when(revise("Follows the programme"))
        .then_refused(Kind::FailedPrecondition, "BODY_DISSOLVED");
}

#[test]
fn o4_who_sat_in_a_body_on_a_date_is_known() {
    let scenario = municipality()
        .given(establish(1, BodyKind::ExecutiveBoard, true))
        .given(appoint_member(10, 1, "kari"))
        .given(appoint(
            11,
            AppointmentTerms {
                from: "2016-07-01".to_owned(),
                to: Some("2016-09-30".to_owned()),
                ..terms(1, "ola", AppointmentFunction::Observer)
            },
        ))
        .given(end(10, "2016-08-31"));
    let scenario = sitting(scenario, 1, "2015-12-31", &[]);
    let scenario = sitting(scenario, 1, "2016-06-30", &["kari"]);
    let scenario = sitting(scenario, 1, "2016-08-31", &["kari", "ola"]);
    let scenario = sitting(scenario, 1, "2016-09-01", &["ola"]);
    sitting(scenario, 1, "2016-10-01", &[]).then_organization(|organization| {
        assert_eq!(organization.appointments_to(&id(1)).len(), 2);
        assert!(organization.sitting(&id(99), "2016-06-30").is_empty());
    });
}

#[test]
fn o4_whom_a_member_represents_must_be_true() {
    let representing = |number: &str| {
        let terms = terms(1, "kari", AppointmentFunction::Member);
        appoint(
            10,
            AppointmentTerms {
                representing: Some(reference(number, Some(REGION))),
                ..terms
            },
        )
    };
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .by("administrator")
        .when(representing("999000304"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(register_region())
        .when(representing("974760673"))
        .then_refused(Kind::InvalidArgument, "ORGANIZATION_NUMBER_DIFFERS")
        .when(representing("999000304"))
        .then_accepted();
}

#[test]
fn a_person_is_appointed_to_a_body_that_exists_from_the_first_day_to_the_last() {
    let from = |from: &str, to: Option<&str>| {
        let terms = terms(1, "kari", AppointmentFunction::Member);
        appoint(
            10,
            AppointmentTerms {
                from: from.to_owned(),
                to: to.map(str::to_owned),
                ..terms
            },
        )
    };
    municipality()
        .when(from("2016-01-01", None))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .given(establish(1, BodyKind::SteeringGroup, true))
        .when(from("2015-12-31", None))
        .then_refused(Kind::FailedPrecondition, "BODY_NOT_ESTABLISHED")
        .when(from("2016-02-01", Some("2016-01-31")))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(from("2016-02-01", None))
        .when(from("2016-02-01", None))
        .then_unchanged()
        .when(from("2016-03-01", None))
        .then_refused(Kind::AlreadyExists, "ALREADY_EXISTS");
}

#[test]
fn an_appointment_is_ended_once_and_never_later_than_before() {
    municipality()
        .given(establish(1, BodyKind::SteeringGroup, true))
        .given(appoint_member(10, 1, "kari"))
        .when(end(11, "2016-12-31"))
        .then_refused(Kind::NotFound, "NOT_FOUND")
        .when(end(10, "2015-12-31"))
        .then_refused(Kind::InvalidArgument, "ENDS_BEFORE_IT_BEGINS")
        .given(end(10, "2016-12-31"))
        .when(end(10, "2016-12-31"))
        .then_unchanged()
        .when(end(10, "2017-01-01"))
        .then_refused(Kind::FailedPrecondition, "APPOINTMENT_ENDED")
        .when(end(10, "2016-11-30"))
        .then_accepted();
}
