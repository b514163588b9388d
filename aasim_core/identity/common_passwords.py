"""The packaged block-list of common long passwords.

Guessing lists lengthen a few favourite words with digits, signs and letter swaps, so the list holds the words; `passwords` undoes
the decoration before it looks.
"""

#: Passwords of at least 12 characters that guessing lists hold as they are, in lower case.
WHOLE = frozenset(
    """
    correcthorsebatterystaple correct-horse-battery-staple thisismypassword mypasswordis123 ilovemyfamily ilovemymother
    ilovemyself iloveyousomuch iloveyouforever iloveyoubaby mynameisjohn manchesterunited liverpoolfc1892 realmadridcf
    chelseafootball barcelonafc1899 unbelievable supercalifragilistic letmeinplease openthedoor opensesame areyoukidding
    donotforget forgetmenot motherfucker fuckyoufuckyou whatthefuck nevergiveup followyourdreams followyourheart
    onceuponatime threelittlepigs marypoppins harrypotter1 spongebob123 startrek1701 starwars1977 lordoftherings
    gameofthrones winteriscoming helloworld123 hello12345678 qweasdzxc123 1qaz2wsx3edc 1qaz2wsx3edc4rfv zaq12wsxcde3
    q1w2e3r4t5y6 q1w2e3r4t5y6u7 1q2w3e4r5t6y 1q2w3e4r5t6y7u zxcvbnmasdfghjkl qwertyuiop123456 qazwsxedcrfv
    trustno1trustno1 jesuschrist1 jesusislord jesuslovesme godisgreat123 masterofpuppets rememberthename
    administrator1 administrator123 temporarypassword defaultpassword companypassword thequickbrownfox mysecretpassword
""".split()
)

#: Words that make a weak password however they are decorated, repeated or joined.
WORDS = frozenset(
    """
    password passwort passphrase contrasena motdepasse senha parola secret geheim admin administrator root user guest login
    welcome willkommen bienvenue letmein changeme change default temporary temp test testing tester demo example sample qwerty
    qwertz azerty asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx iloveyou love monkey dragon sunshine princess football baseball
    basketball soccer superman batman master shadow michael jordan hunter killer freedom whatever trustno starwars pokemon
    summer winter spring autumn monday friday january february march april june july august september october november december
    hello world internet computer server service company office manager account access system database security please
    enter open sesame the this your you new old pass word abc xyz
""".split()
)

#: Runs along keyboards, alphabets and digits; three characters in order already count as a run.
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()_+",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
