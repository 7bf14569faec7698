//! The given / when / then of the domain tests.

use std::collections::HashMap;
use std::sync::Arc;

use vedtak::domain::{
    self, Aggregated, Command, Context, Event, Facts, Kind, Recorded, Refusal, State, Stream, Suspicion,
};
use vedtak::ledger::MOST_ROUNDS;
use vedtak::schema::v1::authority_ground::Ground;
use vedtak::schema::v1::role_holder::Holder;
use vedtak::schema::v1::{CommandContext, Organization, Project};

/// The project that the tests speak of.
pub const PROJECT: &str = "00000000-0000-4000-8000-000000000001";
/// The organisation that the tests speak of.
pub const ORGANIZATION: &str = "00000000-0000-4000-8000-0000000000aa";

/// A UUID for a test: `id(7)`.
pub fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A ledger in memory of some streams, and who acts on which day.
#[derive(Clone)]
pub struct Scenario {
    states: HashMap<Stream, Arc<State>>,
    /// Every event, with its stream and the day that it was decided.
    history: Vec<(Stream, Event, String)>,
    position: i64,
    subject: String,
    today: String,
    effective_date: String,
    reason: String,
    authority: String,
    on_behalf_of: String,
    administrator: bool,
    mandate: Vec<String>,
    ground: Option<Ground>,
    role: String,
    last: Option<Result<Vec<Event>, Refusal>>,
}

/// An empty ledger on 2017-01-02, with the project leader `kari` acting.
pub fn scenario() -> Scenario {
    Scenario {
        states: HashMap::new(),
        history: Vec::new(),
        position: 0,
        subject: "kari".to_owned(),
        today: "2017-01-02".to_owned(),
        effective_date: "2017-01-02".to_owned(),
        reason: String::new(),
        authority: String::new(),
        on_behalf_of: String::new(),
        administrator: true,
        mandate: Vec::new(),
        ground: None,
        role: String::new(),
        last: None,
    }
}

impl Scenario {
    /// From here on, this subject acts.
    pub fn by(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    /// From here on, it is this day, and commands take effect on it.
    pub fn on(mut self, date: &str) -> Self {
        date.clone_into(&mut self.today);
        date.clone_into(&mut self.effective_date);
        self
    }

    /// From here on, commands take effect on this day.
    pub fn effective(mut self, date: &str) -> Self {
        date.clone_into(&mut self.effective_date);
        self
    }

    /// From here on, commands give this reason.
    pub fn because(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }

    /// From here on, commands name this authority.
    pub fn with_authority(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// From here on, the actor's token gives no more than the access of a recorder.
    pub fn recording_only(mut self) -> Self {
        self.administrator = false;
        self
    }

    /// From here on, the actor's token gives the access of an administrator.
    pub fn administering(mut self) -> Self {
        self.administrator = true;
        self
    }

    /// From here on, commands are on behalf of this subject; of nobody when it is empty.
    pub fn on_behalf_of(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.on_behalf_of);
        self
    }

    /// From here on, the actor's token lets it act on behalf of this subject.
    pub fn with_mandate(mut self, subject: &str) -> Self {
        self.mandate.push(subject.to_owned());
        self
    }

    /// From here on, commands rest on this ground.
    pub fn on_ground(mut self, ground: Ground) -> Self {
        self.ground = Some(ground);
        self
    }

    /// Given that this command was accepted: from the actor where it may, and otherwise from somebody who may.
    #[track_caller]
    pub fn given(mut self, command: impl Into<Box<Wrapped>>) -> Self {
        let command = command.into().0;
        let mut judged = self.judge(&command);
        let not_theirs =
            |refusal: &Refusal| matches!(refusal.reason, "NOT_ENTITLED" | "NOT_THE_DECIDER" | "GIVEN_TO_ONESELF");
        if judged.as_ref().is_err_and(not_theirs) {
            let (actor, administrator) = (self.subject.clone(), self.administrator);
            for other in self.everybody() {
                self.administrator = other == "administrator";
                self.subject = other;
                if let Ok(events) = self.judge(&command) {
                    judged = Ok(events);
                    break;
                }
            }
            (self.subject, self.administrator) = (actor, administrator);
        }
        if let Err(refusal) = judged {
            panic!("given {}: refused: {refusal} ({})", command.message(), refusal.reason);
        }
        self.last = None;
        self
    }

    /// Everybody who holds a role or a seat, and an administrator who holds none.
    fn everybody(&self) -> Vec<String> {
        let states = || self.states.values().map(Arc::as_ref);
        let roles = states().filter_map(Project::of).flat_map(|project| &project.roles);
        let holders = roles.filter_map(|role| match role.holder.as_ref()?.holder.as_ref()? {
            Holder::Person(person) => Some(person.subject.clone()),
            _ => None,
        });
        let seats = states()
            .filter_map(Organization::of)
            .flat_map(|organization| &organization.appointments);
        let members = seats.filter_map(|seat| Some(seat.terms.as_ref()?.subject.clone()));
        ["administrator".to_owned()]
            .into_iter()
            .chain(holders)
            .chain(members)
            .collect()
    }

    /// Given that this command was accepted, with what its own context says: the date, the reason, the authority.
    #[track_caller]
    pub fn given_as_sent(mut self, command: &Command) -> Self {
        let context = command.context().cloned().unwrap_or_default();
        self.effective_date = context.effective_date.unwrap_or_else(|| self.today.clone());
        self.reason = context.reason;
        self.authority = context.authority;
        self.ground = context.ground.and_then(|ground| ground.ground);
        // Whoever sends it has a token that lets it act for whom it names.
        self.mandate = vec![context.on_behalf_of.clone()];
        self.on_behalf_of = context.on_behalf_of;
        if let Err(refusal) = self.judge(command) {
            panic!("given {}: refused: {refusal} ({})", command.message(), refusal.reason);
        }
        self.last = None;
        self
    }

    /// When this command comes.
    pub fn when(mut self, command: impl Into<Box<Wrapped>>) -> Self {
        let command = command.into().0;
        self.last = Some(self.judge(&command));
        self
    }

    /// Then it is recorded by these events, exactly.
    #[track_caller]
    pub fn then(self, events: Vec<Event>) -> Self {
        match self.last.as_ref().expect("`then` follows a `when`") {
            Ok(recorded) => assert_eq!(recorded, &events),
            Err(refusal) => panic!("refused: {refusal} ({})", refusal.reason),
        }
        self
    }

    /// Then it is accepted, and something is recorded.
    #[track_caller]
    pub fn then_accepted(self) -> Self {
        match self.last.as_ref().expect("`then_accepted` follows a `when`") {
            Ok(recorded) => assert!(!recorded.is_empty(), "accepted, but nothing was recorded"),
            Err(refusal) => panic!("refused: {refusal} ({})", refusal.reason),
        }
        self
    }

    /// Then the last command that was accepted is recorded with this role.
    #[track_caller]
    pub fn then_acted_as(self, role: &str) -> Self {
        assert_eq!(self.role, role);
        self
    }

    /// Then nothing is recorded, since it changes nothing.
    #[track_caller]
    pub fn then_unchanged(self) -> Self {
        self.then(Vec::new())
    }

    /// Then the rule of this id refuses it, with this reason, and says what would mend it.
    #[track_caller]
    pub fn then_refused_by(self, rule: &str, reason: &str) -> Self {
        let refusal = self.refusal();
        assert_eq!((refusal.rule, refusal.reason), (Some(rule), reason), "{refusal}");
        assert!(
            !refusal.remedy.is_empty(),
            "the refusal {reason} does not say what would mend it"
        );
        self
    }

    /// Then it is refused with this reason, and says what would mend it.
    #[track_caller]
    pub fn then_refused(self, kind: Kind, reason: &str) -> Self {
        let refusal = self.refusal();
        assert_eq!((refusal.kind, refusal.reason), (kind, reason), "{refusal}");
        assert!(
            !refusal.remedy.is_empty(),
            "the refusal {reason} does not say what would mend it"
        );
        self
    }

    /// Then the refusal says this.
    #[track_caller]
    pub fn then_says(self, text: &str) -> Self {
        let problem = &self.refusal().problem;
        assert!(problem.contains(text), "{problem}");
        self
    }

    #[track_caller]
    fn refusal(&self) -> &Refusal {
        match self.last.as_ref().expect("a `then` follows a `when`") {
            Ok(events) => panic!("accepted: {events:?}"),
            Err(refusal) => refusal,
        }
    }

    /// Then the state of the project is such.
    #[track_caller]
    pub fn then_project(self, look: impl FnOnce(&Project)) -> Self {
        look(&self.project());
        self
    }

    /// Then the state of the organisation is such.
    #[track_caller]
    pub fn then_organization(self, look: impl FnOnce(&Organization)) -> Self {
        self.then_state(ORGANIZATION, look)
    }

    /// Then the state of the stream of this kind and id is such.
    #[track_caller]
    pub fn then_state<S: Aggregated>(self, id: &str, look: impl FnOnce(&S)) -> Self {
        let stream = Stream::of::<S>(id);
        match self.states.get(&stream).and_then(|state| S::of(state)) {
            Some(state) => look(state),
            None => panic!("there is no {stream}"),
        }
        self
    }

    /// Then the findings of the project with this code are this many.
    #[track_caller]
    pub fn then_found(self, code: &str, times: usize) -> Self {
        let found: Vec<Suspicion> = self
            .findings()
            .into_iter()
            .filter(|finding| finding.code == code)
            .collect();
        assert_eq!(found.len(), times, "{found:?}");
        self
    }

    /// The findings of the project as it stands today.
    pub fn findings(&self) -> Vec<Suspicion> {
        domain::findings(&self.project(), &self.today)
    }

    pub fn project(&self) -> Project {
        self.project_of(PROJECT)
    }

    /// The state of the project of this id.
    pub fn project_of(&self, id: &str) -> Project {
        match self.states.get(&Stream::project(id)).map(Arc::as_ref) {
            Some(State::Project(project)) => project.clone(),
            _ => panic!("there is no project {id}"),
        }
    }

    fn judge(&mut self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let mut checked = command.clone();
        checked.set_context(CommandContext {
            request_id: id(0),
            ..CommandContext::default()
        });
        let violations = checked.check();
        assert!(
            violations.is_empty(),
            "{} breaks the schema: {violations:?}",
            command.message()
        );

        let stream = command.stream();
        let mut state = Arc::unwrap_or_clone(self.state(&stream));
        let context = Context {
            subject: &self.subject,
            on_behalf_of: &self.on_behalf_of,
            authority: &self.authority,
            reason: &self.reason,
            effective_date: &self.effective_date,
            today: &self.today,
            ground: self.ground.as_ref(),
            administrator: self.administrator,
            mandate: &self.mandate,
        };
        let verdict = command.judge(&state, &Facts::new(&self.facts(command, &state, &context)), &context)?;
        for event in &verdict.events {
            self.position += 1;
            let at = Recorded {
                position: self.position,
                version: state.version() + 1,
                effective_date: &self.effective_date,
                recorded: &self.today,
                subject: &self.subject,
                authority: &self.authority,
                reason: &self.reason,
            };
            state
                .fold(event, &at)
                .expect("a command's events belong to its own kind of stream");
            let recorded = (stream.clone(), event.clone(), self.effective_date.clone());
            self.history.push(recorded);
        }
        self.states.insert(stream, Arc::new(state));
        self.role = verdict.role;
        Ok(verdict.events)
    }

    /// Every event, with its stream and the day that it was decided, in the order of the ledger.
    pub fn history(&self) -> &[(Stream, Event, String)] {
        &self.history
    }

    /// The state of a stream; the empty one when nothing has come to it.
    pub fn state(&self, stream: &Stream) -> Arc<State> {
        let empty = || Arc::new(State::empty(stream.aggregate).expect("every kind of stream has a state"));
        self.states.get(stream).cloned().unwrap_or_else(empty)
    }

    /// What the command relies on, asked in rounds as the ledger does.
    fn facts(&self, command: &Command, state: &State, context: &Context<'_>) -> HashMap<Stream, Arc<State>> {
        let mut facts: HashMap<Stream, Arc<State>> = HashMap::new();
        for _ in 0..=MOST_ROUNDS {
            let mut streams = command.relies_on(state, &Facts::new(&facts), context);
            streams.retain(|stream| !facts.contains_key(stream));
            if streams.is_empty() {
                return facts;
            }
            facts.extend(streams.into_iter().map(|stream| (stream.clone(), self.state(&stream))));
        }
        panic!(
            "{} names new streams for more than {MOST_ROUNDS} rounds",
            command.message()
        );
    }
}

/// A command, made from its message.
pub struct Wrapped(Command);

impl<C: prost::Message + prost::Name> From<C> for Box<Wrapped> {
    fn from(command: C) -> Self {
        let decoded = Command::decode(&C::full_name(), &command.encode_to_vec()).expect("a command of the schema");
        Box::new(Wrapped(decoded.expect("its own bytes")))
    }
}
