//! The codes. A code is never given to another error; one that is gone leaves a gap.

/// Makes [`Code`](crate::Code) of the table.
macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal;)+) => {
        /// What went wrong, as people and programs can look it up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(
                #[doc = $title]
                $name,
            )+
        }

        impl Code {
            /// All, in order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Such as `MS0101`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What happened, in a few words: the title of its page, too.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }

        /// Each code with its page, for a crate two folders below the root: a page that is not
        /// there does not compile. Only who shows the pages carries them, so that nothing else is built anew when one is changed.
        #[macro_export]
        macro_rules! pages {
            () => {
                [$((
                    $crate::Code::$name,
                    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/", $code, ".md")),
                )),+]
            };
        }
    };
}

codes! {
    // Functions
    InvalidInput = "MS0101", "The data is at fault";
    InvalidParameter = "MS0102", "A parameter is at fault";
    LimitReached = "MS0103", "A task reached a limit";
    FunctionFailed = "MS0104", "The function broke";
    HostFailed = "MS0105", "The host was disturbed";
    Cancelled = "MS0106", "The run was cancelled";
    FunctionNameReserved = "MS0107", "The name belongs to a function that comes with Millstream";
    FunctionVersionTaken = "MS0108", "This version of the function exists with other bytes";
    FunctionRecordDamaged = "MS0109", "The record of a function is damaged";
    // Workflows
    NotYaml = "MS0201", "The file is not YAML as workflows have it";
    YamlTooLarge = "MS0202", "The workflow file is too large";
    DuplicateKey = "MS0203", "A key is given twice";
    UnknownKey = "MS0204", "A key that workflows do not have";
    WrongValue = "MS0205", "A value is of the wrong form";
    WorkflowHead = "MS0206", "Names or steps of the workflow are missing or wrong";
    StepFunction = "MS0207", "The function of a step cannot be used";
    StepInputs = "MS0208", "The inputs of a step do not fit its function";
    StepParameters = "MS0209", "The parameters of a step do not fit its function";
    StepOrder = "MS0210", "The order of steps makes no sense";
    StepMatrix = "MS0211", "The matrix of a step is wrong";
    StepForEach = "MS0212", "The list of `for-each` is wrong";
    StepCondition = "MS0213", "The condition of a step is wrong";
    StepSettings = "MS0214", "A setting of a step is out of range";
    Expression = "MS0215", "An expression is wrong";
    WorkflowParams = "MS0216", "A parameter of the workflow is wrong";
    RunRequest = "MS0217", "What was asked for does not fit the workflow";
    Trigger = "MS0218", "A trigger of the workflow is wrong";
    // Runs
    NoSuchRun = "MS0301", "There is no such run";
    AmbiguousRun = "MS0302", "Several runs could be meant";
    RunRecordDamaged = "MS0303", "A record of a run is damaged";
    NoSuchTask = "MS0304", "The run has no such task";
    NotInBase = "MS0305", "The earlier run lacks a result";
    SourceMissing = "MS0306", "A source is not there";
    SourceEmpty = "MS0307", "No file matches the source";
    SourcePattern = "MS0308", "The source is no pattern";
    SourceScheme = "MS0309", "This kind of location cannot be read";
    SourceKind = "MS0310", "The source is no regular file";
    SourceUnreadable = "MS0311", "A source cannot be read";
    ChildWorkflowUnreadable = "MS0312", "A workflow that a step runs cannot be read";
    ChildWorkflowParameters = "MS0313", "Parameters of a workflow that a step runs are wrong";
    WorkflowsTooDeep = "MS0314", "Workflows run one another without end";
    NotWaiting = "MS0315", "The step does not wait for a decision";
    DecidedAlready = "MS0316", "It has been decided already";
    DeadLetter = "MS0317", "Nothing can be done about this dead letter";
    StoredWorkflow = "MS0318", "The workflow cannot be stored, run or removed so";
    NoSuchWorkflow = "MS0319", "There is no such stored workflow";
    NoSuchTrigger = "MS0320", "The workflow has no such trigger";
    EventUnreadable = "MS0321", "An event cannot be read";
    TriggerUnfit = "MS0322", "A trigger cannot work here";
    TriggerRecordDamaged = "MS0323", "A record of a trigger is damaged";
    NoPool = "MS0330", "No pool can run a step";
    // The store
    StoreNotFound = "MS0401", "An object is not in the store";
    StorePrecondition = "MS0402", "Somebody else wrote first";
    StoreFull = "MS0403", "The store has no room left";
    StorePermission = "MS0404", "The store may not be used";
    StoreUnavailable = "MS0405", "The store is out of reach";
    StoreCorrupt = "MS0406", "Something in the store is damaged";
    StoreInvalidKey = "MS0407", "A key breaks the rules for keys";
    StoreInvalidRange = "MS0408", "A range is not inside the object";
    StoreLimit = "MS0409", "More bytes than the limit";
    StoreUnsupported = "MS0410", "The store cannot open this";
    // The queue
    QueueInvalid = "MS0501", "The queue was called wrongly";
    QueueStaleReceipt = "MS0502", "A message is with another worker now";
    QueueFull = "MS0503", "The queue has no room left";
    QueuePermission = "MS0504", "The queue may not be used";
    QueueUnavailable = "MS0505", "The queue is out of reach";
    QueueCorrupt = "MS0506", "The queue is damaged";
    QueueTooNew = "MS0507", "The queue was written by a newer Millstream";
    QueueUnsupported = "MS0508", "The queue cannot open this";
    // Models and endpoints
    NoSuchRecord = "MS0601", "There is no such model, version, alias, endpoint or key";
    InvalidChange = "MS0602", "The change makes no sense";
    MisreadMember = "MS0603", "A member of the request is wrong";
    RefusedByState = "MS0604", "The state of things forbids it";
    Forbidden = "MS0605", "Only an administrator may do that";
    Conflict = "MS0606", "Another change came first";
    IdempotencyKeyReused = "MS0607", "The idempotency key was used for another change";
    UnfitVersion = "MS0608", "The version failed before it got any traffic";
    // HTTP
    NoSuchEndpoint = "MS0701", "There is no such endpoint";
    NoSuchTarget = "MS0702", "The endpoint has no such alias, variant or model";
    NoSuchRoute = "MS0703", "There is nothing at this path";
    WrongMethod = "MS0704", "The path does not take this method";
    UnsupportedMediaType = "MS0705", "Models do not speak this media type";
    UnsupportedCoding = "MS0706", "The body is packed in a way that is not understood";
    NotAcceptable = "MS0707", "No answer in a media type that is accepted";
    RangeBeyondEnd = "MS0708", "The range is beyond the end";
    ConditionFailed = "MS0709", "A condition of the request does not hold";
    BadRows = "MS0710", "The rows are at fault";
    BadRequest = "MS0711", "The request is at fault";
    TooManyRows = "MS0712", "Too many rows in one request";
    BodyTooLarge = "MS0713", "The body is too large";
    SlowBody = "MS0714", "The body came too slowly";
    KeyMissing = "MS0715", "An API key is needed";
    KeyUnknown = "MS0716", "The API key is not valid";
    KeyForbidden = "MS0717", "The API key does not open this";
    Misdirected = "MS0718", "The request is for another host";
    CrossSite = "MS0719", "The request comes from another site";
    Busy = "MS0720", "Too many requests at once";
    Unavailable = "MS0721", "Not available now";
    ModelTimedOut = "MS0722", "The model took too long";
    ModelFailed = "MS0723", "The model failed";
    ServerNotStarted = "MS0724", "The server could not start";
    WrongSignature = "MS0725", "The request is not signed as it must be";
    // The command line
    Usage = "MS0901", "The command makes no sense here";
    Arguments = "MS0902", "The command line cannot be read";
    System = "MS0903", "The system refused";
    CommandFailed = "MS0904", "The command could not be carried out";
    // AWS
    AwsNoCredentials = "MS1001", "There are no credentials for AWS";
    AwsRefused = "MS1002", "AWS does not accept the credentials";
    AwsRegion = "MS1003", "The region is missing, or another is the right one";
    AwsDenied = "MS1004", "AWS denies what was asked for";
    AwsNoBucket = "MS1005", "There is no such bucket";
    AwsClock = "MS1006", "This machine's clock is off";
    AwsThrottled = "MS1007", "AWS was asked too much at a time";
    AwsUnreachable = "MS1008", "AWS cannot be reached";
    AwsInvalid = "MS1009", "AWS does not understand what was asked for";
    AwsNotBuilt = "MS1010", "This binary was built without AWS";
    AwsSettings = "MS1031", "The settings of the stack make no sense";
    AwsStackBusy = "MS1032", "Somebody else changes the stack";
    AwsStackFailed = "MS1033", "CloudFormation could not change the stack";
    AwsStackMissing = "MS1034", "There is no such stack";
    AwsPackage = "MS1035", "The package of the functions cannot be made or used";
    AwsForeignObjects = "MS1036", "The bucket holds objects of others";
    AwsEndpoint = "MS1037", "Lambda cannot do what was asked of an endpoint";
}
