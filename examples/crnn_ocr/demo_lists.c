/* demo_lists.c - what `crnn_ocr demo` trains and tests with, fixed beforehand: no family is in both lists, and no
 * training picture shows one of the texts. */
#include "demo.h"

#include <stddef.h>

/* Debian's fonts-dejavu-core, fonts-liberation, fonts-crosextra-carlito, fonts-crosextra-caladea, fonts-cabin,
 * fonts-dosis, fonts-quattrocento, fonts-gfs-didot, fonts-oldstandard, fonts-anonymous-pro, fonts-b612, fonts-play,
 * fonts-prociono, fonts-ebgaramond. */
const char *const demo_train_families[] = {
    "DejaVu Sans",
    "DejaVu Sans Mono",
    "DejaVu Serif",
    "Liberation Sans",
    "Liberation Sans Narrow",
    "Liberation Serif",
    "Liberation Mono",
    "Carlito",
    "Caladea",
    "Cabin",
    "Dosis",
    "Quattrocento",
    "GFS Didot",
    "Old Standard TT",
    "Anonymous Pro",
    "B612",
    "Play",
    "Prociono",
    "EB Garamond",
    NULL,
};

/* fonts-open-sans, fonts-sil-gentium-basic, fonts-inconsolata, fonts-cantarell, fonts-comic-neue: a humanist and a
 * geometric sans serif, an old-style serif, a typewriter face, and a handwritten one. */
const char *const demo_unseen_families[] = {"Open Sans", "Gentium Basic", "Inconsolata",
                                            "Cantarell", "Comic Neue",    NULL};

/* Read again and again while training, in a family of the second list. */
const char *const demo_sentence[] = {"The", "line",   "that", "water", "follows", "down",
                                     "a",   "valley", "is",   "the",   "Thalweg", NULL};

const char *const demo_texts[] = {
    "Valley",     "river",       "water",      "Descent",    "Steepest",      "gradient",   "1",         "summit",
    "meadow",     "FOREST",      "Bridge",     "harbour",    "village",       "42",         "kitchen",   "window",
    "garden",     "mountain",    "Thunder",    "lightning",  "365",           "Weather",    "October",   "January",
    "Wednesday",  "saturday",    "morning",    "1066",       "evening",       "Midnight",   "blanket",   "candle",
    "lantern",    "shadow",      "1789",       "Mirror",     "Journey",       "Station",    "railway",   "ENGINE",
    "passenger",  "1848",        "LUGGAGE",    "ticket",     "Platform",      "Signal",     "whistle",   "Carriage",
    "1969",       "tunnel",      "driver",     "Timetable",  "Captain",       "Sailor",     "Anchor",    "2024",
    "compass",    "Voyage",      "Island",     "horizon",    "Storm",         "current",    "31415926",  "Lighthouse",
    "ocean",      "PILOT",       "vessel",     "cargo",      "HARBOURMASTER", "27182818",   "letter",    "Alphabet",
    "sentence",   "Paragraph",   "Chapter",    "LIBRARY",    "16180339",      "Author",     "reader",    "Publisher",
    "printer",    "TYPEFACE",    "14142135",   "Margin",     "column",        "headline",   "number",    "seven",
    "eleven",     "1024",        "Twelve",     "Hundred",    "thousand",      "million",    "FRACTION",  "decimal",
    "4096",       "Equation",    "triangle",   "circle",     "DIAMETER",      "square",     "pyramid",   "65536",
    "doctor",     "nurse",       "hospital",   "patient",    "medicine",      "Pharmacy",   "8128",      "recipe",
    "bandage",    "fever",       "orange",     "banana",     "cherry",        "496",        "LEMON",     "melon",
    "apricot",    "walnut",      "almond",     "pepper",     "1729",          "garlic",     "onion",     "Carrot",
    "Potato",     "spinach",     "mushroom",   "6174",       "butter",        "cheese",     "bread",     "Honey",
    "SUGAR",      "coffee",      "90210",      "chocolate",  "biscuit",       "pudding",    "sausage",   "elephant",
    "giraffe",    "007",         "penguin",    "squirrel",   "Hedgehog",      "dolphin",    "Octopus",   "butterfly",
    "5040",       "grasshopper", "Sparrow",    "Falcon",     "pigeon",        "Lizard",     "buffalo",   "3628800",
    "zebra",      "guitar",      "violin",     "trumpet",    "piano",         "40320",      "drummer",   "ORCHESTRA",
    "Melody",     "rhythm",      "concert",    "singer",     "299792",        "audience",   "Applause",  "Painter",
    "Canvas",     "pencil",      "Colour",     "602214",     "Yellow",        "purple",     "crimson",   "Silver",
    "golden",     "velvet",      "137",        "football",   "HOCKEY",        "Tennis",     "runner",    "champion",
    "trophy",     "8848",        "Stadium",    "referee",    "keyboard",      "monitor",    "network",   "memory",
    "6371",       "compiler",    "FUNCTION",   "variable",   "pointer",       "structure",  "buffer",    "384400",
    "Thread",     "Kernel",      "packet",     "socket",     "Teacher",       "student",    "149597",    "lesson",
    "question",   "ANSWER",      "Exercise",   "knowledge",  "wisdom",        "12756",      "curiosity", "experiment",
    "Laboratory", "microscope",  "telescope",  "planet",     "5778",          "galaxy",     "comet",     "asteroid",
    "SATELLITE",  "ROCKET",      "astronaut",  "273",        "GRAVITY",       "orbit",      "universe",  "justice",
    "FREEDOM",    "COUNTRY",     "451",        "citizen",    "President",     "parliament", "election",  "Minister",
    "1984",       "treaty",      "MARKET",     "merchant",   "customer",      "Money",      "invoice",   "2001",
    "discount",   "Receipt",     "warehouse",  "factory",    "Worker",        "wages",      "500",       "quick",
    "Brown",      "Foxes",       "jump",       "over",       "lazy",          "750",        "Dogs",      "wizard",
    "JAZZ",       "quartz",      "vexing",     "Waltz",      "1000",          "nymph",      "Beautiful", "Careful",
    "Dangerous",  "Excellent",   "Famous",     "1234567",    "Generous",      "honest",     "imaginary", "jealous",
    "kind",       "lonely",      "7654321",    "Mysterious", "nervous",       "obvious",    "quiet",     "reasonable",
    "serious",    "24680",       "Terrible",   "unusual",    "Various",       "wonderful",  "Youthful",  "zealous",
    "13579",      "believe",     "build",      "carry",      "choose",        "create",     "decide",    "86400",
    "deliver",    "DESCRIBE",    "Discover",   "Explain",    "follow",        "FORGET",     "3600",      "gather",
    "Happen",     "Improve",     "imagine",    "invite",     "join",          "525600",     "know",      "Laugh",
    "Listen",     "Measure",     "notice",     "1440",       "observe",       "prepare",    "promise",   "QUARREL",
    "RECEIVE",    "Remember",    "60221",      "search",     "travel",        "UNDERSTAND", "Vanish",    "wander",
    "Yield",      "66260",       "always",     "before",     "Between",       "during",     "enough",    "further",
    "667430",     "However",     "Indeed",     "maybe",      "never",         "OFTEN",      "Perhaps",   "9109",
    "quite",      "rather",      "Sometimes",  "together",   "until",         "Very",       "1836",      "Whenever",
    "yesterday",  "above",       "because",    "Could",      "either",        "22",         "Through",   "which",
    "Would",      "although",    "Neighbour",  "eight",      "113",           "Height",     "Science",   "bicycle",
    "UMBRELLA",   "scissors",    "hammer",     "355",        "needle",        "button",     "pocket",    "jacket",
    "sweater",    "trousers",    "99",         "Fireplace",  "chimney",       "ceiling",    "staircase", "CUPBOARD",
    "BATHROOM",   "88",          "balcony",    "Basement",   "adventure",     "business",   "LANGUAGE",  "literature",
    "77",         "philosophy",  "psychology", "Technology", "temperature",   "vocabulary", "101",       NULL,
};
