//! Names and sentences. The people are invented; the sentences say what can be seen and heard, and judge nobody.

/// A region's names.
pub struct Names {
    /// Girls' and women's first names.
    pub women: [&'static str; 16],
    /// Boys' and men's first names.
    pub men: [&'static str; 16],
    /// Family names.
    pub families: [&'static str; 20],
}

/// French, Italian and English names.
pub const NAMES: [&Names; 3] = [
    &Names {
        women: [
            "Inès", "Chloé", "Manon", "Zoé", "Camille", "Jade", "Élise", "Nora", "Anaïs", "Louise", "Maëlys",
            "Aïcha", "Claire", "Sophie", "Hélène", "Fatou",
        ],
        men: [
            "Noé",
            "Hugo",
            "Mathéo",
            "Louis",
            "Gaël",
            "Adam",
            "Théo",
            "Rayan",
            "Jules",
            "Léo",
            "François",
            "Karim",
            "Olivier",
            "Benoît",
            "Thierry",
            "Amadou",
        ],
        families: [
            "Moreau",
            "Lefèvre",
            "Garnier",
            "Besson",
            "Roux",
            "Fontaine",
            "Chevalier",
            "Mercier",
            "Blanchard",
            "Dupré",
            "Benali",
            "Diallo",
            "Joly",
            "Renaud",
            "Perrin",
            "Gauthier",
            "Lemoine",
            "Noël",
            "Vidal",
            "Traoré",
        ],
    },
    &Names {
        women: [
            "Giulia",
            "Sofia",
            "Aurora",
            "Alice",
            "Ginevra",
            "Emma",
            "Giorgia",
            "Beatrice",
            "Chiara",
            "Martina",
            "Noemi",
            "Elena",
            "Francesca",
            "Paola",
            "Silvia",
            "Lucia",
        ],
        men: [
            "Leonardo", "Lorenzo", "Tommaso", "Mattia", "Gabriele", "Riccardo", "Nicolò", "Samuele",
            "Pietro", "Davide", "Marco", "Giovanni", "Stefano", "Paolo", "Luca", "Andrea",
        ],
        families: [
            "Rossi", "Ferrari", "Esposito", "Bianchi", "Romano", "Colombo", "Ricci", "Marino", "Greco",
            "Bruno", "Gallo", "Conti", "De Luca", "Costa", "Giordano", "Mancini", "Rizzo", "Lombardi",
            "Moretti", "D'Angelo",
        ],
    },
    &Names {
        women: [
            "Olivia", "Amelia", "Isla", "Ava", "Grace", "Freya", "Ella", "Poppy", "Hannah", "Lucy", "Megan",
            "Aisha", "Sarah", "Joanne", "Rachel", "Priya",
        ],
        men: [
            "Oliver", "George", "Arthur", "Noah", "Harry", "Jack", "Oscar", "Charlie", "Ethan", "Liam",
            "Daniel", "Omar", "Peter", "Andrew", "Simon", "Ravi",
        ],
        families: [
            "Smith",
            "Taylor",
            "Walker",
            "Wright",
            "Hughes",
            "Patel",
            "Cooper",
            "Bailey",
            "Murphy",
            "Khan",
            "Richardson",
            "Foster",
            "O'Neill",
            "Reid",
            "Marshall",
            "Barnes",
            "Ahmed",
            "Palmer",
            "Stevens",
            "Webb",
        ],
    },
];

/// How a visit began.
pub const ARRIVALS: [&str; 8] = [
    "{child} ran to the door when {visitor} came in.",
    "{visitor} arrived on time and brought a picture book.",
    "{child} stayed beside the supervisor for the first ten minutes, then sat down with {visitor}.",
    "{visitor} arrived with a bag of fruit and asked {child} about school.",
    "{child} was tired after the journey and lay on the sofa at first.",
    "{visitor} and {child} hugged and sat down at the table.",
    "{child} showed {visitor} a drawing made in the morning.",
    "{visitor} called ahead from the bus and arrived at the agreed time.",
];

/// What they did.
pub const MIDDLES: [&str; 10] = [
    "They built a tower of blocks and counted the floors aloud.",
    "They played cards; {child} explained the rules twice.",
    "They read two stories together, {child} turning the pages.",
    "They did the week's reading homework and then played outside.",
    "They baked a small cake with the kitchen's oven and washed up together.",
    "{visitor} braided {child}'s hair while they talked about the holidays.",
    "They looked at photographs on {visitor}'s telephone for about half an hour.",
    "{child} asked when the next visit would be; {visitor} answered with the date in the plan.",
    "They kicked a ball in the yard until it began to rain.",
    "They talked about a cousin's birthday and wrote a card.",
];

/// How it ended.
pub const ENDINGS: [&str; 8] = [
    "They put the toys away together. {child} waved at the window.",
    "{child} cried for about five minutes at the end and calmed down in the car.",
    "They said goodbye at the agreed time.",
    "{visitor} asked whether the next visit could be longer; noted for the next review.",
    "{child} kept the drawing and wanted to show it at home.",
    "The visit ended on time, everybody left calmly.",
    "{visitor} thanked the caregiver and confirmed the next date.",
    "{child} fell asleep on the way back.",
];

/// Why no visit took place.
pub const MISSED: [&str; 5] = [
    "{visitor} sent a message two hours before the visit. {child} was told at once.",
    "{child} waited for twenty minutes in the playroom. {visitor} did not answer the telephone.",
    "The caregiver rang in the morning: {child} has a temperature.",
    "The train was cancelled; {visitor} rang from the station and spoke to {child} for ten minutes.",
    "The room was double-booked; the agency offered another date.",
];

/// What a caseworker saw at a visit of their own.
pub const OWN_VISITS: [&str; 6] = [
    "Saw {child} at the caregiver's home and spoke alone for fifteen minutes.",
    "{child} showed the bedroom and the school bag. Meals and sleep were discussed with the caregiver.",
    "{child} said that swimming on Wednesdays is the best part of the week.",
    "Went through the visitation plan with the caregiver; no questions.",
    "{child} asked about {visitor} and drew a house with a red roof.",
    "Dentist's appointment and school report were discussed. Next visit arranged.",
];

/// What was added later.
pub const ADDENDA: [&str; 4] = [
    "The caregiver rang the next day: {child} slept well after the visit.",
    "Correction of the place after checking the room list.",
    "{visitor} confirmed by message that the next date suits.",
    "The school confirmed that the reading homework was handed in.",
];

/// Where visits take place.
pub const PLACES: [&str; 8] = [
    "Family centre, room 2",
    "Family centre, garden",
    "Public library, children's corner",
    "Grandparents' home",
    "Caregiver's home",
    "Maison de la famille, salle 3",
    "Centro per le famiglie, sala azzurra",
    "Contact centre, ground floor",
];
