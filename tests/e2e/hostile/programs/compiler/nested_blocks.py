# tries: too many nested blocks
# compile: error
for a in b:
 for a in b:
  for a in b:
   for a in b:
    for a in b:
     for a in b:
      for a in b:
       for a in b:
        for a in b:
         for a in b:
          for a in b:
           for a in b:
            for a in b:
             for a in b:
              for a in b:
               for a in b:
                for a in b:
                 for a in b:
                  for a in b:
                   for a in b:
                    for a in b:
                     for a in b:
                      for a in b:
                       for a in b:
                        for a in b:
                         for a in b:
                          for a in b:
                           for a in b:
                            for a in b:
                             for a in b:
                              pass
